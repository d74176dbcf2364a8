using System.Buffers;
using System.Collections.Immutable;

namespace EdgeSdk.Text;

/// <summary>Rewrites a text before it is cut into pieces. Immutable.</summary>
internal abstract class Normalizer
{
    /// <summary>Appends the text, rewritten, to <paramref name="output"/>.</summary>
    public abstract void Apply(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output);

    /// <summary>Several, one after another.</summary>
    public sealed class Sequence(ImmutableArray<Normalizer> steps) : Normalizer
    {
        public override void Apply(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
        {
            var current = new ArrayBufferWriter<byte>();
            var next = new ArrayBufferWriter<byte>();
            current.Write(text);
            foreach (var step in steps)
            {
                next.ResetWrittenCount();
                step.Apply(current.WrittenSpan, next);
                (current, next) = (next, current);
            }

            output.Write(current.WrittenSpan);
        }
    }

    /// <summary>Puts <paramref name="prefix"/> before a text that is not empty.</summary>
    public sealed class Prepend(byte[] prefix) : Normalizer
    {
        public override void Apply(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
        {
            if (!text.IsEmpty)
            {
                output.Write(prefix);
            }

            output.Write(text);
        }
    }

    /// <summary>Puts <paramref name="content"/> in the place of each <paramref name="pattern"/>.</summary>
    public sealed class Replace(byte[] pattern, byte[] content) : Normalizer
    {
        public override void Apply(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
        {
            for (int at; (at = text.IndexOf(pattern)) >= 0; text = text[(at + pattern.Length)..])
            {
                output.Write(text[..at]);
                output.Write(content);
            }

            output.Write(text);
        }
    }

    /// <summary>Puts <paramref name="content"/> in the place of each match of <paramref name="pattern"/>.</summary>
    public sealed class ReplaceMatches(Pattern pattern, byte[] content) : Normalizer
    {
        public override void Apply(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
        {
            var matcher = new Pattern.Matcher(pattern);
            matcher.Start(text.Length);
            int end = 0;
            while (matcher.TryNext(text, out int matchStart, out int matchEnd))
            {
                output.Write(text[end..matchStart]);
                output.Write(content);
                end = matchEnd;
            }

            output.Write(text[end..]);
        }
    }

    /// <summary>Unicode's canonical composition, <see cref="Text.Nfc"/>.</summary>
    public sealed class Nfc : Normalizer
    {
        public override void Apply(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output) => Text.Nfc.Normalize(text, output);
    }
}
