using System.Runtime.InteropServices;

namespace EdgeSdk.Text;

/// <summary>Turns one piece of a text into ids. Immutable but for its cache, which is safe for concurrent use.</summary>
internal abstract class TokenModel
{
    /// <summary>Longer pieces are rare and not worth the memory.</summary>
    private const int LongestCached = 48;

    private const int CacheSize = 1 << 14;

    private readonly CachedPiece?[] _cache = new CachedPiece?[CacheSize];

    /// <summary>Appends the ids of <paramref name="piece"/>, which is not empty, to <paramref name="ids"/>.</summary>
    /// <exception cref="EdgeException">The piece has a character without a token, and the model no unknown token for it.</exception>
    public void Encode(ReadOnlySpan<byte> piece, ModelWorkspace workspace, List<int> ids)
    {
        if (piece.Length > LongestCached)
        {
            EncodePiece(piece, workspace, ids);
            return;
        }

        ref var slot = ref _cache[Vocabulary.Hash(piece) & (CacheSize - 1)];
        var cached = Volatile.Read(ref slot);
        if (cached is not null && piece.SequenceEqual(cached.Piece))
        {
            ids.AddRange(cached.Ids.AsSpan());
            return;
        }

        int before = ids.Count;
        EncodePiece(piece, workspace, ids);
        Volatile.Write(ref slot, new CachedPiece(piece.ToArray(), CollectionsMarshal.AsSpan(ids)[before..].ToArray()));
    }

    /// <summary>Does it without the cache.</summary>
    protected abstract void EncodePiece(ReadOnlySpan<byte> piece, ModelWorkspace workspace, List<int> ids);

    private sealed record CachedPiece(byte[] Piece, int[] Ids);
}

/// <summary>What encoding one piece needs; reused from piece to piece, one thread at a time.</summary>
internal sealed class ModelWorkspace(TextBudget budget)
{
    public TextBudget Budget { get; } = budget;

    public Merger Merger { get; } = new();

    public Lattice Lattice { get; } = new();
}

/// <summary>The token that stands for what the vocabulary lacks. A file may name one that is not there: that matters only once it is needed.</summary>
/// <param name="Name">As the file names it; null: it names none.</param>
/// <param name="Id">-1 where the vocabulary does not have it.</param>
internal sealed record UnknownToken(string? Name, int Id)
{
    /// <summary>The id.</summary>
    /// <exception cref="EdgeException">There is none.</exception>
    public int IdFor(ReadOnlySpan<byte> piece)
    {
        if (Id >= 0)
            return Id;

        string shown = System.Text.Encoding.UTF8.GetString(piece[..Math.Min(piece.Length, 40)]);
        string reason = Name is null ? "names no unknown token" : $"names '{Name}' as unknown token, which model.vocab does not have";
        throw new EdgeException(EdgeErrorCode.InvalidModel, $"The tokenizer has no token for '{shown}' and {reason}. Add an unknown token to model.vocab and name it in the model.");
    }
}
