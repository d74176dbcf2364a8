using System.Runtime.CompilerServices;

namespace EdgeSdk.Text.Constraints;

/// <summary>A vocabulary as constraints see it: a trie of its tokens' bytes, and runs of the alphabets that were met. Thread-safe; made once a model.</summary>
internal sealed class ConstraintVocabulary
{
    private static readonly ConditionalWeakTable<Tokenizer, ConstraintVocabulary> Made = [];
    private readonly Func<string, int?> _idOf;
    private const int MostAlphabets = 32;
    private readonly Dictionary<ulong, TokenRuns?> _runs = [];
    private readonly ulong[]?[] _first = new ulong[CharacterGroups.BeyondAscii + 1][];
    private readonly Lock _gate = new();

    /// <param name="tokens">Each id's bytes; empty: an id without text, or a special token, which constraints know by its name.</param>
    /// <param name="endTokens">What ends a text.</param>
    /// <param name="idOf">A special token's id.</param>
    public ConstraintVocabulary(IReadOnlyList<byte[]> tokens, IEnumerable<int> endTokens, Func<string, int?> idOf)
    {
        _idOf = idOf;
        Count = tokens.Count;
        EndTokens = [.. endTokens.Where(id => (uint)id < (uint)Count)];
        byte[][] written = [.. tokens];
        foreach (int end in EndTokens)
            written[end] = [];

        Tokens = written;
        Trie = new(written, [.. Enumerable.Range(0, Count).Where(id => written[id].Length > 0).Select(id => new TokenTrie.Entry(id, 0, 0))]);
        foreach (byte[] token in written)
        {
            LongestToken = Math.Max(LongestToken, token.Length);
            foreach (byte b in token)
                Used[b] = true;

            if (token is [var only])
                Bytes[only] = true;
        }
    }

    public int Count { get; }

    /// <summary>Words of a mask with a bit an id.</summary>
    public int MaskLength => (Count + 63) / 64;

    public int[] EndTokens { get; }

    public IReadOnlyList<byte[]> Tokens { get; }

    /// <summary>By byte: whether it has a token of its own.</summary>
    public bool[] Bytes { get; } = new bool[256];

    /// <summary>By byte: whether any token has it.</summary>
    public bool[] Used { get; } = new bool[256];

    public int LongestToken { get; }

    /// <summary>All tokens that have bytes and end nothing.</summary>
    public TokenTrie Trie { get; }

    /// <summary>The vocabulary of a tokenizer, made once.</summary>
    /// <param name="tokenizer">Its ids, bytes and special tokens.</param>
    /// <param name="endTokens">What ends a text.</param>
    /// <exception cref="EdgeException">InvalidArgument: its texts are more than the bytes of their tokens.</exception>
    public static ConstraintVocabulary Of(Tokenizer tokenizer, IEnumerable<int> endTokens)
    {
        int[] ends = [.. endTokens];
        if (Made.TryGetValue(tokenizer, out var made) && made.EndTokens.AsSpan().SequenceEqual(ends))
            return made;

        if (tokenizer.IsSpaced)
        {
            throw new EdgeException(
                EdgeErrorCode.InvalidArgument, "This model's tokenizer.json has no decoder, so that a space comes between any two tokens: no constraint can hold. Use a model with byte-level BPE or byte fallback.");
        }

        byte[][] tokens = new byte[tokenizer.VocabularySize][];
        for (int id = 0; id < tokens.Length; id++)
            tokens[id] = tokenizer.IsSpecial(id) ? [] : tokenizer.BytesOf(id).ToArray();

        made = new(tokens, ends, tokenizer.IdOf);
        Made.AddOrUpdate(tokenizer, made);
        return made;
    }

    /// <summary>Its tokens by the runs of an alphabet (<see cref="CharacterGroups"/>); null where they are too few.</summary>
    public TokenRuns? Runs(ulong alphabet)
    {
        lock (_gate)
        {
            if (_runs.TryGetValue(alphabet, out var known))
                return known;

            if (_runs.Count == MostAlphabets)
                _runs.Clear();

            var made = TokenRuns.Of(this, alphabet);
            _runs.Add(alphabet, made);
            return made;
        }
    }

    /// <summary>A bit for each token that begins with a character of a group.</summary>
    public ReadOnlySpan<ulong> First(int group)
    {
        if (Volatile.Read(ref _first[group]) is { } known)
            return known;

        ulong[] first = new ulong[MaskLength];
        for (int id = 0; id < Count; id++)
        {
            if (Tokens[id].Length > 0 && CharacterGroups.Of(Tokens[id][0]) == group)
                first[id >> 6] |= 1UL << id;
        }

        Volatile.Write(ref _first[group], first);
        return first;
    }

    public int IdOf(string special) => _idOf(special) is { } id && Tokens[id].Length == 0 ? id : throw new EdgeException(
        EdgeErrorCode.InvalidArgument, $"The constraint needs the special token {Constraint.Brief(special)}, which this model's tokenizer does not have. Write it as text, or take a model that has it.");
}
