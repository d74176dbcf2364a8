using System.Collections.Immutable;

namespace EdgeSdk.Text;

/// <summary>
/// Unigram (Kudo, arXiv 1804.10959): of all ways to write a piece in tokens the one of the highest sum of scores, found by Viterbi's algorithm over a trie of the
/// tokens; of equally good ways the one that the reference implementation finds first. A character without a token of its own costs as much as an unlikely one; a row of
/// them is one unknown token, or the bytes of the row.
/// </summary>
internal sealed class UnigramModel : TokenModel
{
    /// <summary>How much less likely an unknown character is than the least likely token.</summary>
    private const double UnknownPenalty = 10;

    private readonly Vocabulary _vocabulary;
    private readonly ByteTrie _tokens;
    private readonly ImmutableArray<double> _scores;
    private readonly UnknownToken _unknown;
    private readonly int[]? _fallbackIds;
    private readonly double _unknownScore;

    /// <param name="vocabulary">Tokens and ids.</param>
    /// <param name="scores">Log-probabilities, by id.</param>
    /// <param name="unknown">The unknown token.</param>
    /// <param name="byteFallback">Write unknown characters as their bytes' tokens, where the vocabulary has them all.</param>
    public UnigramModel(Vocabulary vocabulary, ImmutableArray<double> scores, UnknownToken unknown, bool byteFallback)
    {
        _vocabulary = vocabulary;
        _tokens = new ByteTrie(vocabulary.Tokens, vocabulary.Ids());
        _scores = scores;
        _unknown = unknown;
        _fallbackIds = byteFallback ? vocabulary.FallbackIds() : null;
        _unknownScore = scores.Min() - UnknownPenalty;
    }

    protected override void EncodePiece(ReadOnlySpan<byte> piece, ModelWorkspace workspace, List<int> ids)
    {
        var lattice = workspace.Lattice;
        lattice.Clear(piece.Length);
        for (int at = 0, length; at < piece.Length; at += length)
        {
            length = Utf8Text.LengthAt(piece, at);
            workspace.Budget.SpendSteps(AddTokensAt(piece, at, at + length, lattice.Nodes));
        }

        lattice.TracePath(piece.Length, _unknown.Id);
        foreach (var (start, end) in lattice.Path)
        {
            ref readonly var node = ref lattice.Nodes[end];
            if (node.Id != _unknown.Id)
                ids.Add(node.Id);
            else
                AddUnknown(piece[start..end], ids);
        }
    }

    /// <summary>Gives the steps that it took.</summary>
    private int AddTokensAt(ReadOnlySpan<byte> piece, int at, int characterEnd, Span<Lattice.Node> nodes)
    {
        double score = nodes[at].Score;
        bool hasCharacter = false;
        var walk = _tokens.From(piece, at);
        while (walk.MoveNext())
        {
            nodes[walk.End].Offer(score + _scores[walk.Value], at, walk.Value);
            hasCharacter |= walk.End == characterEnd;
        }

        if (!hasCharacter)
            nodes[characterEnd].Offer(score + _unknownScore, at, _unknown.IdFor(piece[at..characterEnd]));

        return walk.Steps;
    }

    /// <summary>A row of unknown tokens, joined, may be a token itself.</summary>
    private void AddUnknown(ReadOnlySpan<byte> row, List<int> ids)
    {
        int id = _vocabulary.IdOf(row);
        if (id >= 0)
            ids.Add(id);
        else if (_fallbackIds is null || !Vocabulary.TryFallBack(row, _fallbackIds, ids))
            ids.Add(_unknown.Id);
    }
}

/// <summary>The best way to each place of a piece. Reused from piece to piece; one thread at a time.</summary>
internal sealed class Lattice
{
    private Node[] _nodes = new Node[64];
    private int _count;

    /// <summary>The best way that ends at a place.</summary>
    public struct Node
    {
        public double Score;
        public int Start;
        public int Id;

        /// <summary>Takes a way when it is better than what is known.</summary>
        public void Offer(double score, int start, int id)
        {
            if (Start < 0 || score > Score)
                (Score, Start, Id) = (score, start, id);
        }
    }

    /// <summary>By the place at which a way ends.</summary>
    public Span<Node> Nodes => _nodes.AsSpan(0, _count);

    /// <summary>The best way's tokens, in order, adjacent unknown ones joined.</summary>
    public List<(int Start, int End)> Path { get; } = [];

    /// <summary>Begins a piece of <paramref name="length"/> bytes.</summary>
    public void Clear(int length)
    {
        _count = length + 1;
        if (_count > _nodes.Length)
            _nodes = new Node[System.Numerics.BitOperations.RoundUpToPowerOf2((uint)_count)];

        Array.Fill(_nodes, new Node { Start = -1 }, 0, _count);
        _nodes[0].Score = 0;
    }

    /// <summary>Fills <see cref="Path"/> from the end back to the start.</summary>
    public void TracePath(int end, int unknownId)
    {
        Path.Clear();
        while (end > 0)
        {
            int start = _nodes[end].Start;
            while (_nodes[end].Id == unknownId && start > 0 && _nodes[start].Id == unknownId)
                start = _nodes[start].Start;

            Path.Add((start, end));
            end = start;
        }

        Path.Reverse();
    }
}
