using System.Buffers;
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
    public abstract void Spell(ReadOnlySpan<byte> token, bool isFirst, ArrayBufferWriter<byte> output);

    /// <summary>A stage for one stream.</summary>
    public virtual DecoderStage Open(DecoderStage next) => new SpellingStage(this, next);

    /// <summary>Replaces within each token.</summary>
    public sealed class Replace(Normalizer replacement) : DecoderStep
    {
        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, ArrayBufferWriter<byte> output) => replacement.Apply(token, output);
    }

    /// <summary>Takes a character away from the ends of each token, so many times at most.</summary>
    public sealed class Strip(byte[] character, int fromStart, int fromEnd) : DecoderStep
    {
        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, ArrayBufferWriter<byte> output)
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

        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, ArrayBufferWriter<byte> output) =>
            new Normalizer.Replace(replacement, isFirst && isPrepended ? [] : " "u8.ToArray()).Apply(token, output);
    }

    /// <summary>BERT's: a space before each token that does not go on in a word; spaces before punctuation and English contractions are taken away.</summary>
    public sealed class WordPiece(byte[] continuation, bool cleansUp) : DecoderStep
    {
        public override bool MindsTheFirst => true;

        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, ArrayBufferWriter<byte> output)
        {
            byte[] text = isFirst ? token.ToArray() : token.StartsWith(continuation) ? token[continuation.Length..].ToArray() : [(byte)' ', .. token];
            output.Write(cleansUp ? Cleanup.Apply(text) : text);
        }
    }

    /// <summary>Writes the bytes that each token stands for in <see cref="ByteAlphabet"/>.</summary>
    public sealed class ByteLevel : DecoderStep
    {
        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, ArrayBufferWriter<byte> output) => output.Write(ByteAlphabet.Read(token));
    }

    /// <summary>The suffix that ends a word becomes a space; the last token's is left out.</summary>
    public sealed class WordEnd(byte[] suffix) : DecoderStep
    {
        private readonly Normalizer.Replace _toSpace = new(suffix, " "u8.ToArray());
        private readonly Normalizer.Replace _toNothing = new(suffix, []);

        public override bool TakesEachTokenByItself => false;

        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, ArrayBufferWriter<byte> output) => _toSpace.Apply(token, output);

        public override DecoderStage Open(DecoderStage next) => new Stage(this, next);

        /// <summary>Holds one token back: it may be the last.</summary>
        private sealed class Stage(WordEnd step, DecoderStage next) : DecoderStage
        {
            private readonly ArrayBufferWriter<byte> _held = new();
            private readonly ArrayBufferWriter<byte> _spelt = new();
            private bool _holds;

            public override void Add(ReadOnlySpan<byte> token)
            {
                Release(step._toSpace);
                _held.Write(token);
                _holds = true;
            }

            public override void End()
            {
                Release(step._toNothing);
                next.End();
            }

            private void Release(Normalizer.Replace replacement)
            {
                if (!_holds)
                    return;

                _spelt.ResetWrittenCount();
                replacement.Apply(_held.WrittenSpan, _spelt);
                _held.ResetWrittenCount();
                _holds = false;
                next.Add(_spelt.WrittenSpan);
            }
        }
    }

    /// <summary>Connectionist temporal classification: equal tokens in a row are one, padding is nothing.</summary>
    public sealed class Ctc(byte[] padding, byte[] wordDelimiter, bool cleansUp) : DecoderStep
    {
        private readonly Normalizer.Replace? _padding = padding.Length > 0 ? new(padding, []) : null;
        private readonly Normalizer.Replace? _delimiter = wordDelimiter.Length > 0 ? new(wordDelimiter, " "u8.ToArray()) : null;

        public override bool TakesEachTokenByItself => false;

        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, ArrayBufferWriter<byte> output)
        {
            byte[] text = Replaced(_padding, token);
            output.Write(cleansUp ? Replaced(_delimiter, Cleanup.Apply(text)) : text);
        }

        public override DecoderStage Open(DecoderStage next) => new Stage(this, next);

        private static byte[] Replaced(Normalizer.Replace? replacement, ReadOnlySpan<byte> text)
        {
            var output = new ArrayBufferWriter<byte>(text.Length + 1);
            replacement?.Apply(text, output);
            return replacement is null ? text.ToArray() : output.WrittenSpan.ToArray();
        }

        private sealed class Stage(Ctc step, DecoderStage next) : DecoderStage
        {
            private readonly ArrayBufferWriter<byte> _spelt = new();
            private byte[]? _previous;

            public override void Add(ReadOnlySpan<byte> token)
            {
                if (_previous is not null && token.SequenceEqual(_previous))
                    return;

                _previous = token.ToArray();
                _spelt.ResetWrittenCount();
                step.Spell(token, isFirst: false, _spelt);
                if (_spelt.WrittenCount > 0)
                    next.Add(_spelt.WrittenSpan);
            }

            public override void End()
            {
                _previous = null;
                next.End();
            }
        }
    }

    /// <summary>A row of tokens such as <c>&lt;0xC3&gt;</c> is a text where the bytes are UTF-8, else one U+FFFD for each.</summary>
    public sealed class ByteFallback : DecoderStep
    {
        public override bool TakesEachTokenByItself => false;

        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, ArrayBufferWriter<byte> output)
        {
            if (TryReadByte(token, out byte value))
            {
                output.Write([value]);
                return;
            }

            output.Write(token);
        }

        public override DecoderStage Open(DecoderStage next) => new Stage(next);

        private static bool TryReadByte(ReadOnlySpan<byte> token, out byte value)
        {
            value = 0;
            return token is [(byte)'<', (byte)'0', (byte)'x', _, _, (byte)'>'] &&
                byte.TryParse(token.Slice(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
        }

        /// <summary>Whether a row is UTF-8 as a whole decides how each of its bytes reads, so all of it waits for its end.</summary>
        private sealed class Stage(DecoderStage next) : DecoderStage
        {
            private readonly ArrayBufferWriter<byte> _row = new();

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
                if (_row.WrittenCount == 0)
                    return;

                if (Utf8.IsValid(_row.WrittenSpan))
                {
                    next.Add(_row.WrittenSpan);
                }
                else
                {
                    for (int i = 0; i < _row.WrittenCount; i++)
                        next.Add("\uFFFD"u8);
                }

                _row.ResetWrittenCount();
            }
        }
    }

    /// <summary>A file without a decoder: a space between tokens, which belongs to none of them.</summary>
    public sealed class Spaced : DecoderStep
    {
        public override bool TakesEachTokenByItself => false;

        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, ArrayBufferWriter<byte> output) => output.Write(token);

        public override DecoderStage Open(DecoderStage next) => new Stage(next);

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

        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, ArrayBufferWriter<byte> output) => output.Write(token);

        public override DecoderStage Open(DecoderStage next) => new Stage(next);

        private sealed class Stage(DecoderStage next) : DecoderStage
        {
            private readonly ArrayBufferWriter<byte> _all = new();

            public override void Add(ReadOnlySpan<byte> token) => _all.Write(token);

            public override void End()
            {
                next.Add(Utf8.IsValid(_all.WrittenSpan) ? _all.WrittenSpan : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(_all.WrittenSpan)));
                _all.ResetWrittenCount();
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

        public override void Spell(ReadOnlySpan<byte> token, bool isFirst, ArrayBufferWriter<byte> output) => output.Write(token);

        public override DecoderStage Open(DecoderStage next) => new Stage(this, next);

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
        private static readonly ImmutableArray<Normalizer.Replace> Replacements =
        [
            Of(" .", "."), Of(" ?", "?"), Of(" !", "!"), Of(" ,", ","), Of(" ' ", "'"), Of(" n't", "n't"), Of(" 'm", "'m"), Of(" do not", " don't"), Of(" 's", "'s"),
            Of(" 've", "'ve"), Of(" 're", "'re"),
        ];

        public static byte[] Apply(byte[] text)
        {
            foreach (var replacement in Replacements)
            {
                var output = new ArrayBufferWriter<byte>(text.Length + 1);
                replacement.Apply(text, output);
                text = output.WrittenSpan.ToArray();
            }

            return text;
        }

        private static Normalizer.Replace Of(string spaced, string plain) => new(Encoding.UTF8.GetBytes(spaced), Encoding.UTF8.GetBytes(plain));
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
internal sealed class SpellingStage(DecoderStep step, DecoderStage next) : DecoderStage
{
    private readonly ArrayBufferWriter<byte> _spelt = new();
    private bool _isFirst = true;

    public override void Add(ReadOnlySpan<byte> token)
    {
        _spelt.ResetWrittenCount();
        step.Spell(token, _isFirst, _spelt);
        _isFirst = false;
        next.Add(_spelt.WrittenSpan);
    }

    public override void End()
    {
        _isFirst = true;
        next.End();
    }
}
