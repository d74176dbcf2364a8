using System.Buffers;
using System.Collections.Immutable;

namespace EdgeSdk.Text;

/// <summary>Rewrites a text before it is cut into pieces. Immutable.</summary>
internal abstract class Normalizer
{
    /// <summary>Appends the text, rewritten, to <paramref name="output"/>.</summary>
    /// <returns>
    /// Whether what the result begins with comes from the text's own beginning; false where that was taken away. A pre-tokenizer that marks the first word of a whole text
    /// (<see cref="Metaspace"/>) asks.
    /// </returns>
    public abstract bool Apply(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output);

    /// <summary>Several, one after another.</summary>
    public sealed class Sequence(ImmutableArray<Normalizer> steps) : Normalizer
    {
        public override bool Apply(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
        {
            var current = new ArrayBufferWriter<byte>();
            var next = new ArrayBufferWriter<byte>();
            current.Write(text);
            bool keepsStart = true;
            foreach (var step in steps)
            {
                next.ResetWrittenCount();
                keepsStart &= step.Apply(current.WrittenSpan, next);
                (current, next) = (next, current);
            }

            output.Write(current.WrittenSpan);
            return keepsStart;
        }
    }

    /// <summary>One of Unicode's normalization forms, by the tables of Unicode 9, as the reference implementation has them: what came later stays as it is.</summary>
    public sealed class Unicode(System.Text.NormalizationForm form) : Normalizer
    {
        private static readonly SearchValues<byte> LaterLeads =
            SearchValues.Create([.. Enumerable.Range(0x80, 0x80).Where(lead => ((LegacyClasses.NotYetNormalized.FirstBytes.Leads >> (lead - 0x80)) & 1) != 0).Select(lead => (byte)lead)]);

        public override bool Apply(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
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
            return true;
        }
    }

    /// <summary>Puts <paramref name="prefix"/> before a text that is not empty.</summary>
    public sealed class Prepend(byte[] prefix) : Normalizer
    {
        public override bool Apply(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
        {
            output.Write(text.IsEmpty ? [] : prefix);
            output.Write(text);
            return true;
        }
    }

    /// <summary>Takes white space away from the ends.</summary>
    public sealed class Strip(bool left, bool right) : Normalizer
    {
        public override bool Apply(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
        {
            int start = left ? Utf8Text.AfterWhiteSpace(text, 0) : 0;
            int end = right ? Utf8Text.BeforeWhiteSpace(text, text.Length) : text.Length;
            output.Write(start < end ? text[start..end] : []);
            return start == 0;
        }
    }

    /// <summary>Writes every byte as a character of <see cref="ByteAlphabet"/>.</summary>
    public sealed class ByteLevel : Normalizer
    {
        public override bool Apply(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
        {
            ByteAlphabet.Write(text, output);
            return true;
        }
    }

    /// <summary>Puts <paramref name="content"/> in the place of each <paramref name="pattern"/>.</summary>
    public sealed class Replace(byte[] pattern, byte[] content) : Normalizer
    {
        public override bool Apply(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
        {
            bool keepsStart = !text.StartsWith(pattern) || KeepsStart(pattern, content);
            for (int at; (at = text.IndexOf(pattern)) >= 0; text = text[(at + pattern.Length)..])
            {
                output.Write(text[..at]);
                output.Write(content);
            }

            output.Write(text);
            return keepsStart;
        }

        /// <summary>The reference implementation counts what is put in as coming from the last character that it replaces.</summary>
        public static bool KeepsStart(ReadOnlySpan<byte> replaced, ReadOnlySpan<byte> content) =>
            replaced.IsEmpty || (!content.IsEmpty && Utf8Text.LengthAt(replaced, 0) == replaced.Length);
    }

    /// <summary>Puts <paramref name="content"/> in the place of each match of <paramref name="pattern"/>.</summary>
    public sealed class ReplaceMatches(Pattern pattern, byte[] content) : Normalizer
    {
        public override bool Apply(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
        {
            var matcher = new Pattern.Matcher(pattern);
            matcher.Start(text.Length);
            bool keepsStart = true;
            int end = 0;
            while (matcher.TryNext(text, out int matchStart, out int matchEnd))
            {
                keepsStart &= matchStart > 0 || Replace.KeepsStart(text[..matchEnd], content);
                output.Write(text[end..matchStart]);
                output.Write(content);
                end = matchEnd;
            }

            output.Write(text[end..]);
            return keepsStart;
        }
    }
}
