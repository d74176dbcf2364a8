using System.Collections.Immutable;

namespace EdgeSdk.Text;

/// <summary>Cuts a text into pieces that no merge of the model crosses. Immutable.</summary>
internal abstract class PreTokenizer
{
    public abstract void Apply(PieceList pieces);

    /// <summary>Several, one after another.</summary>
    public sealed class Sequence(ImmutableArray<PreTokenizer> steps) : PreTokenizer
    {
        public override void Apply(PieceList pieces)
        {
            foreach (var step in steps)
                step.Apply(pieces);
        }
    }

    /// <summary>Cuts at the matches of a pattern, or at what lies between them (<paramref name="invert"/>).</summary>
    public sealed class Split(Pattern pattern, bool invert, SplitBehavior behavior) : PreTokenizer
    {
        public override void Apply(PieceList pieces) => pieces.Split(pattern, invert, behavior);
    }

    /// <summary>Cuts at code points: white space, punctuation, digits, one delimiter.</summary>
    public sealed class SplitAt(Func<int, bool> isDelimiter, SplitBehavior behavior) : PreTokenizer
    {
        public override void Apply(PieceList pieces) => pieces.Split(isDelimiter, behavior);
    }

    /// <summary>Keeps rows of word characters, and rows of what is neither that nor white space: <c>\w+|[^\w\s]+</c>.</summary>
    public sealed class Whitespace : PreTokenizer
    {
        private static readonly PieceCutter Cutter = Cut;

        private enum Kind
        {
            Space,
            Word,
            Other,
        }

        public override void Apply(PieceList pieces) => pieces.Cut(Cutter);

        private static void Cut(ReadOnlySpan<byte> text, int offset, List<Piece> pieces)
        {
            var current = Kind.Space;
            int start = 0;
            for (int at = 0, length; at < text.Length; at += length)
            {
                int codePoint = Utf8Text.CodePointAt(text, at, out length);
                var kind = NamedClasses.UnicodeWord.Contains(codePoint) ? Kind.Word : CodePoints.WhiteSpace.Contains(codePoint) ? Kind.Space : Kind.Other;
                if (kind != current)
                {
                    Add(at);
                    (current, start) = (kind, at);
                }
            }

            Add(text.Length);

            void Add(int end)
            {
                if (current != Kind.Space)
                    PieceList.Add(pieces, offset + start, offset + end);
            }
        }
    }

    /// <summary>GPT-2's: the model reads bytes, each written as a character of <see cref="ByteAlphabet"/>.</summary>
    public sealed class ByteLevel : PreTokenizer
    {
        private static readonly Split Words = new(
            Pattern.Parse(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"), invert: false, SplitBehavior.Isolated);

        private static readonly PieceRewriter PrefixSpace = static (piece, start, output) =>
        {
            bool wantsOne = piece[0] != ' ';
            output.Write(wantsOne ? " "u8 : []);
            output.Write(piece);
            return start > 0 && wantsOne ? start + 1 : start;
        };

        private static readonly PieceRewriter WriteBytes = static (piece, start, output) =>
        {
            int kept = ByteAlphabet.Write(piece[..start], output);
            ByteAlphabet.Write(piece[start..], output);
            return kept;
        };

        private readonly bool _addsPrefixSpace;
        private readonly bool _usesPattern;
        private readonly bool _isRaw;

        /// <param name="addsPrefixSpace">Puts a space before each piece that does not begin with one.</param>
        /// <param name="usesPattern">Cuts words, numbers and the rest from each other.</param>
        /// <param name="isRaw">Leaves the bytes as they are, for a model that reads them so.</param>
        public ByteLevel(bool addsPrefixSpace, bool usesPattern, bool isRaw)
        {
            _addsPrefixSpace = addsPrefixSpace;
            _usesPattern = usesPattern;
            _isRaw = isRaw;
        }

        public override void Apply(PieceList pieces)
        {
            if (_addsPrefixSpace)
                pieces.Rewrite(PrefixSpace);

            if (_usesPattern)
                Words.Apply(pieces);

            if (!_isRaw)
                pieces.Rewrite(WriteBytes);
        }
    }

    /// <summary>Pieces of so many code points, the last one shorter.</summary>
    public sealed class FixedLength : PreTokenizer
    {
        private readonly PieceCutter _cutter;

        public FixedLength(int length) => _cutter = (text, offset, pieces) =>
        {
            for (int at = 0, start; at < text.Length;)
            {
                start = at;
                for (int count = 0; count < length && at < text.Length; count++)
                    at += Utf8Text.LengthAt(text, at);

                PieceList.Add(pieces, offset + start, offset + at);
            }
        };

        public override void Apply(PieceList pieces) => pieces.Cut(_cutter);
    }
}
