using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace EdgeSdk.Text;

/// <summary>A step of a decoder: it turns a row of tokens into another. Immutable; a stream opens a stage of it.</summary>
internal abstract class DecoderStep
{
    /// <summary>Whether each token becomes one token, whatever follows it.</summary>
    public virtual bool TakesEachTokenByItself => true;

    /// <summary>Whether the first token of a stream is treated otherwise.</summary>
    public virtual bool MindsTheFirst => false;

    /// <summary>Appends what <paramref name="token"/> becomes amid others, or as the first of a stream.</summary>
    public abstract void Spell(ReadOnlySpan<byte> token, bool isFirst, TextBuffer output);

    /// <summary>A stage for one stream.</summary>
    public virtual DecoderStage Open(DecoderStage next, TextBudget budget) => new SpellingStage(this, next, budget);

    /// <summary>Replaces within each token.</summary>
    public sealed class Replace(Normalizer replacement) : DecoderStep
    {
        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, TextBuffer output) => replacement.Apply(token, 0, output);
    }

    /// <summary>Takes a character away from the ends of each token, so many times at most.</summary>
    public sealed class Strip(byte[] character, int fromStart, int fromEnd) : DecoderStep
    {
        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, TextBuffer output)
        {
            for (int i = 0; i < fromStart && token.StartsWith(character); i++)
                token = token[character.Length..];

            for (int i = 0; i < fromEnd && token.EndsWith(character); i++)
                token = token[..^character.Length];

            output.Write(token);
        }

        /// <summary>The same, once the tokens are joined to one.</summary>
        public DecoderStep OfText() => new TextStrip(character, fromStart, fromEnd);

        /// <summary>Whether it can be told from the bytes of a text that may not be UTF-8.</summary>
        public bool IsAscii => character.Length == 1;
    }

    /// <summary>Reads what the pre-tokenizer of that name wrote for a space; the text's first is left out where one was put there.</summary>
    public sealed class Metaspace(byte[] replacement, bool isPrepended) : DecoderStep
    {
        public override bool MindsTheFirst => isPrepended;

        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, TextBuffer output)
        {
            int from = output.Count;
            output.Write(token);
            output.Replace(from, replacement, isFirst && isPrepended ? [] : " "u8);
        }
    }

    /// <summary>BERT's: a space before each token that does not go on in a word; spaces before punctuation and English contractions are taken away.</summary>
    public sealed class WordPiece(byte[] continuation, bool cleansUp) : DecoderStep
    {
        public override bool MindsTheFirst => true;

        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, TextBuffer output)
        {
            int from = output.Count;
            bool isContinued = !isFirst && token.StartsWith(continuation);
            output.Write(isFirst || isContinued ? [] : " "u8);
            output.Write(isContinued ? token[continuation.Length..] : token);
            if (cleansUp)
                Cleanup.Apply(output, from);
        }
    }

    /// <summary>Writes the bytes that each token stands for in <see cref="ByteAlphabet"/>.</summary>
    public sealed class ByteLevel : DecoderStep
    {
        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, TextBuffer output) => ByteAlphabet.Read(token, output);
    }

    /// <summary>The suffix that ends a word becomes a space; the last token's is left out.</summary>
    public sealed class WordEnd(byte[] suffix) : DecoderStep
    {
        public override bool TakesEachTokenByItself => false;

        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, TextBuffer output) => Write(token, " "u8, output);

        public override DecoderStage Open(DecoderStage next, TextBudget budget) => new Stage(this, next, budget);

        private void Write(ReadOnlySpan<byte> token, ReadOnlySpan<byte> end, TextBuffer output)
        {
            int from = output.Count;
            output.Write(token);
            output.Replace(from, suffix, end);
        }

        /// <summary>Holds one token back: it may be the last.</summary>
        private sealed class Stage(WordEnd step, DecoderStage next, TextBudget budget) : DecoderStage
        {
            private readonly TextBuffer _held = new(budget);
            private readonly TextBuffer _spelt = new(budget);
            private bool _holds;

            public override void Add(ReadOnlySpan<byte> token)
            {
                Release(" "u8);
                _held.Write(token);
                _holds = true;
            }

            public override void End()
            {
                Release([]);
                next.End();
            }

            private void Release(ReadOnlySpan<byte> end)
            {
                if (!_holds)
                    return;

                _spelt.Clear();
                step.Write(_held.Written, end, _spelt);
                _held.Clear();
                _holds = false;
                next.Add(_spelt.Written);
            }
        }
    }

    /// <summary>Connectionist temporal classification: equal tokens in a row are one, padding is nothing.</summary>
    public sealed class Ctc(byte[] padding, byte[] wordDelimiter, bool cleansUp) : DecoderStep
    {
        public override bool TakesEachTokenByItself => false;

        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, TextBuffer output)
        {
            int from = output.Count;
            output.Write(token);
            output.Replace(from, padding, []);
            if (!cleansUp)
                return;

            Cleanup.Apply(output, from);
            output.Replace(from, wordDelimiter, " "u8);
        }

        public override DecoderStage Open(DecoderStage next, TextBudget budget) => new Stage(this, next, budget);

        private sealed class Stage(Ctc step, DecoderStage next, TextBudget budget) : DecoderStage
        {
            private readonly TextBuffer _spelt = new(budget);
            private readonly TextBuffer _previous = new(budget);
            private bool _isFirst = true;

            public override void Add(ReadOnlySpan<byte> token)
            {
                if (!_isFirst && token.SequenceEqual(_previous.Written))
                    return;

                _isFirst = false;
                _previous.Clear();
                _previous.Write(token);
                _spelt.Clear();
                step.Spell(token, isFirst: false, _spelt);
                if (_spelt.Count > 0)
                    next.Add(_spelt.Written);
            }

            public override void End()
            {
                _isFirst = true;
                next.End();
            }
        }
    }

    /// <summary>A row of tokens such as <c>&lt;0xC3&gt;</c> is a text where the bytes are UTF-8, else one U+FFFD for each.</summary>
    public sealed class ByteFallback : DecoderStep
    {
        public override bool TakesEachTokenByItself => false;

        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, TextBuffer output)
        {
            if (TryReadByte(token, out byte value))
            {
                output.Write([value]);
                return;
            }

            output.Write(token);
        }

        public override DecoderStage Open(DecoderStage next, TextBudget budget) => new Stage(next, budget);

        private static bool TryReadByte(ReadOnlySpan<byte> token, out byte value)
        {
            value = 0;
            return token is [(byte)'<', (byte)'0', (byte)'x', _, _, (byte)'>'] &&
                byte.TryParse(token.Slice(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        }

        /// <summary>Whether a row is UTF-8 as a whole decides how each of its bytes reads, so all of it waits for its end.</summary>
        private sealed class Stage(DecoderStage next, TextBudget budget) : DecoderStage
        {
            private readonly TextBuffer _row = new(budget);

            public override void Add(ReadOnlySpan<byte> token)
            {
                if (TryReadByte(token, out byte value))
                {
                    _row.Write([value]);
                    return;
                }

                ReleaseRow();
                next.Add(token);
            }

            public override void End()
            {
                ReleaseRow();
                next.End();
            }

            private void ReleaseRow()
            {
                if (_row.Count == 0)
                    return;

                if (Utf8.IsValid(_row.Written))
                {
                    next.Add(_row.Written);
                }
                else
                {
                    for (int i = 0; i < _row.Count; i++)
                        next.Add("\uFFFD"u8);
                }

                _row.Clear();
            }
        }
    }

    /// <summary>A file without a decoder: a space between tokens, which belongs to none of them.</summary>
    public sealed class Spaced : DecoderStep
    {
        public override bool TakesEachTokenByItself => false;

        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, TextBuffer output) => output.Write(token);

        public override DecoderStage Open(DecoderStage next, TextBudget budget) => new Stage(next);

        private sealed class Stage(DecoderStage next) : DecoderStage
        {
            private bool _isFirst = true;

            public override void Add(ReadOnlySpan<byte> token)
            {
                next.Add(_isFirst ? [] : " "u8);
                next.Add(token);
                _isFirst = false;
            }

            public override void End()
            {
                _isFirst = true;
                next.End();
            }
        }
    }

    /// <summary>Makes one token of all that comes, at the stream's end: for steps that need the whole of it.</summary>
    public sealed class Gather : DecoderStep
    {
        public override bool TakesEachTokenByItself => false;

        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, TextBuffer output) => output.Write(token);

        public override DecoderStage Open(DecoderStage next, TextBudget budget) => new Stage(next, budget);

        private sealed class Stage(DecoderStage next, TextBudget budget) : DecoderStage
        {
            private readonly TextBuffer _all = new(budget);

            public override void Add(ReadOnlySpan<byte> token) => _all.Write(token);

            public override void End()
            {
                next.Add(Utf8.IsValid(_all.Written) ? _all.Written : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(_all.Written)));
                _all.Clear();
                next.End();
            }
        }
    }

    /// <summary>Strips the whole text, which comes part by part.</summary>
    private sealed class TextStrip(byte[] character, int fromStart, int fromEnd) : DecoderStep
    {
        private readonly byte[] _character = character;
        private readonly int _fromStart = fromStart;
        private readonly int _fromEnd = fromEnd;

        public override bool TakesEachTokenByItself => false;

        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, TextBuffer output) => output.Write(token);

        public override DecoderStage Open(DecoderStage next, TextBudget budget) => new Stage(this, next);

        private sealed class Stage(TextStrip strip, DecoderStage next) : DecoderStage
        {
            private readonly byte[] _character = strip._character;
            private int _stripped;
            private int _held;

            public override void Add(ReadOnlySpan<byte> token)
            {
                for (; _stripped < strip._fromStart && token.StartsWith(_character); _stripped++)
                    token = token[_character.Length..];

                if (token.IsEmpty)
                    return;

                _stripped = strip._fromStart;
                int trailing = 0;
                for (; strip._fromEnd > 0 && token.EndsWith(_character); trailing++)
                    token = token[..^_character.Length];

                if (!token.IsEmpty)
                {
                    Release(_held);
                    next.Add(token);
                }

                _held += trailing;
                Release(Math.Max(0, _held - strip._fromEnd));
            }

            public override void End()
            {
                _held = 0;
                _stripped = 0;
                next.End();
            }

            private void Release(int count)
            {
                for (int i = 0; i < count; i++)
                    next.Add(_character);

                _held -= count;
            }
        }
    }

    /// <summary>What the reference implementation replaces, one after another, to undo the spacing of tokens.</summary>
    private static class Cleanup
    {
        private static readonly ImmutableArray<(byte[] Spaced, byte[] Plain)> Replacements =
        [
            Of(" .", "."), Of(" ?", "?"), Of(" !", "!"), Of(" ,", ","), Of(" ' ", "'"), Of(" n't", "n't"), Of(" 'm", "'m"), Of(" do not", " don't"), Of(" 's", "'s"),
            Of(" 've", "'ve"), Of(" 're", "'re"),
        ];

        public static void Apply(TextBuffer text, int from)
        {
            foreach (var (spaced, plain) in Replacements)
                text.Replace(from, spaced, plain);
        }

        private static (byte[] Spaced, byte[] Plain) Of(string spaced, string plain) => (Encoding.UTF8.GetBytes(spaced), Encoding.UTF8.GetBytes(plain));
    }
}

/// <summary>A step at work in one stream.</summary>
internal abstract class DecoderStage
{
    /// <summary>Takes a token in.</summary>
    public abstract void Add(ReadOnlySpan<byte> token);

    /// <summary>Ends the stream: gives on what was held back, and is ready for another.</summary>
    public abstract void End();
}

/// <summary>The stage of a step that takes each token by itself.</summary>
internal sealed class SpellingStage(DecoderStep step, DecoderStage next, TextBudget budget) : DecoderStage
{
    private readonly TextBuffer _spelt = new(budget);
    private bool _isFirst = true;

    public override void Add(ReadOnlySpan<byte> token)
    {
        _spelt.Clear();
        step.Spell(token, _isFirst, _spelt);
        _isFirst = false;
        next.Add(_spelt.Written);
    }

    public override void End()
    {
        _isFirst = true;
        next.End();
    }
}
