using System.Buffers;
using System.Collections.Immutable;

namespace EdgeSdk.Text;

/// <summary>Rewrites a text before it is cut into pieces. Immutable.</summary>
internal abstract class Normalizer
{
    /// <summary>Appends the text, rewritten, to <paramref name="output"/>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="start">How many bytes it begins with that come from the first character of the whole text.</param>
    /// <param name="output">Where it goes.</param>
    /// <returns>
    /// The same of the result: a pre-tokenizer that marks where a whole text begins (<see cref="Metaspace"/>) asks, and marks each piece that begins with what comes from
    /// that character.
    /// </returns>
    /// <exception cref="EdgeException">The text becomes many times as long.</exception>
    public virtual int Apply(ReadOnlySpan<byte> text, int start, TextBuffer output)
    {
        output.Begin(text.Length);
        int kept = Rewrite(text, start, output);
        output.End();
        return kept;
    }

    /// <summary>Does it.</summary>
    protected abstract int Rewrite(ReadOnlySpan<byte> text, int start, TextBuffer output);

    /// <summary>Several, one after another.</summary>
    public sealed class Sequence(ImmutableArray<Normalizer> steps) : Normalizer
    {
        public override int Apply(ReadOnlySpan<byte> text, int start, TextBuffer output)
        {
            var current = new TextBuffer(output.Budget);
            var next = new TextBuffer(output.Budget);
            current.Write(text);
            foreach (var step in steps)
            {
                next.Clear();
                start = step.Apply(current.Written, start, next);
                (current, next) = (next, current);
            }

            output.Write(current.Written);
            return start;
        }

        protected override int Rewrite(ReadOnlySpan<byte> text, int start, TextBuffer output) => Apply(text, start, output);
    }

    /// <summary>One of Unicode's normalization forms, by the tables of Unicode 9, as the reference implementation has them: what came later stays as it is.</summary>
    public sealed class Unicode(System.Text.NormalizationForm form) : Normalizer
    {
        private static readonly SearchValues<byte> LaterLeads =
            SearchValues.Create([.. Enumerable.Range(0x80, 0x80).Where(lead => ((LegacyClasses.NotYetNormalized.FirstBytes.Leads >> (lead - 0x80)) & 1) != 0).Select(lead => (byte)lead)]);

        protected override int Rewrite(ReadOnlySpan<byte> text, int start, TextBuffer output)
        {
            int before = output.Count;
            Write(text[..start], output);
            int kept = output.Count - before;
            output.CutTo(before);
            Write(text, output);

            // What follows may have joined the last character.
            while (before + kept < output.Count && (output.Written[before + kept] & 0xC0) == 0x80)
                kept++;

            return Math.Min(kept, output.Count - before);
        }

        private void Write(ReadOnlySpan<byte> text, TextBuffer output)
        {
            int done = 0;
            for (int at = 0, skip, length; (skip = text[at..].IndexOfAny(LaterLeads)) >= 0; at += length)
            {
                at += skip;
                if (LegacyClasses.NotYetNormalized.Contains(Utf8Text.CodePointAt(text, at, out length)))
                {
                    UnicodeNormalization.Normalize(text[done..at], form, output);
                    output.Write(text.Slice(at, length));
                    done = at + length;
                }
            }

            UnicodeNormalization.Normalize(text[done..], form, output);
        }
    }

    /// <summary>Puts <paramref name="prefix"/> before a text that is not empty.</summary>
    public sealed class Prepend(byte[] prefix) : Normalizer
    {
        protected override int Rewrite(ReadOnlySpan<byte> text, int start, TextBuffer output)
        {
            output.Write(text.IsEmpty ? [] : prefix);
            output.Write(text);
            return start > 0 ? prefix.Length + start : 0;
        }
    }

    /// <summary>Takes white space away from the ends.</summary>
    public sealed class Strip(bool left, bool right) : Normalizer
    {
        protected override int Rewrite(ReadOnlySpan<byte> text, int start, TextBuffer output)
        {
            int first = left ? Utf8Text.AfterWhiteSpace(text, 0) : 0;
            int end = right ? Utf8Text.BeforeWhiteSpace(text, text.Length) : text.Length;
            end = Math.Max(first, end);
            output.Write(text[first..end]);
            return Math.Clamp(start, first, end) - first;
        }
    }

    /// <summary>Writes every byte as a character of <see cref="ByteAlphabet"/>.</summary>
    public sealed class ByteLevel : Normalizer
    {
        protected override int Rewrite(ReadOnlySpan<byte> text, int start, TextBuffer output)
        {
            int kept = ByteAlphabet.Write(text[..start], output);
            ByteAlphabet.Write(text[start..], output);
            return kept;
        }
    }

    /// <summary>Puts <paramref name="content"/> in the place of each <paramref name="pattern"/>.</summary>
    public sealed class Replace(byte[] pattern, byte[] content) : Normalizer
    {
        protected override int Rewrite(ReadOnlySpan<byte> text, int start, TextBuffer output)
        {
            var replacing = new Replacing(text, start, content, output);
            for (int at = 0, length; (length = text[at..].IndexOf(pattern)) >= 0;)
            {
                at += length + pattern.Length;
                replacing.Replace(at - pattern.Length, at);
            }

            return replacing.End();
        }
    }

    /// <summary>Puts <paramref name="content"/> in the place of each match of <paramref name="pattern"/>.</summary>
    public sealed class ReplaceMatches(Pattern pattern, byte[] content) : Normalizer
    {
        private Pattern.Matcher? _spare;

        protected override int Rewrite(ReadOnlySpan<byte> text, int start, TextBuffer output)
        {
            var matcher = Interlocked.Exchange(ref _spare, null) ?? new Pattern.Matcher(pattern);
            var replacing = new Replacing(text, start, content, output);
            matcher.Start(output.Budget);
            while (matcher.TryNext(text, out int matchStart, out int matchEnd))
                replacing.Replace(matchStart, matchEnd);

            _spare = matcher;
            return replacing.End();
        }
    }

    /// <summary>Writes a text with parts of it replaced.</summary>
    private ref struct Replacing(ReadOnlySpan<byte> text, int start, byte[] content, TextBuffer output)
    {
        private readonly ReadOnlySpan<byte> _text = text;
        private int _done;
        private int _kept;

        /// <summary>The reference implementation counts what is put in as coming from the last character that it replaces.</summary>
        public void Replace(int from, int to)
        {
            Copy(from);
            output.Write(content);
            _kept += to <= start ? content.Length : 0;
            _done = to;
        }

        /// <summary>Writes the rest; gives how much of all comes from the text's start.</summary>
        public int End()
        {
            Copy(_text.Length);
            return _kept;
        }

        private void Copy(int to)
        {
            output.Write(_text[_done..to]);
            _kept += Math.Max(0, Math.Min(to, start) - _done);
        }
    }
}
