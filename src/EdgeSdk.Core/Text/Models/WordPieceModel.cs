using System.Runtime.InteropServices;

namespace EdgeSdk.Text;

/// <summary>
/// BERT's: the longest token from the left, again and again; tokens that go on in a word carry a prefix (<c>##</c>). A word that cannot be written so is one unknown
/// token. Walking a trie keeps a word of any length linear, but for the longest token.
/// </summary>
internal sealed class WordPieceModel : TokenModel
{
    private readonly ByteTrie _starts;
    private readonly ByteTrie _continuations;
    private readonly UnknownToken _unknown;
    private readonly int _mostCharacters;

    /// <param name="vocabulary">Tokens and ids.</param>
    /// <param name="unknown">What a word becomes that has no tokens.</param>
    /// <param name="continuationPrefix">What tokens within a word begin with; may be empty.</param>
    /// <param name="mostCharacters">A longer word is unknown.</param>
    public WordPieceModel(Vocabulary vocabulary, UnknownToken unknown, ReadOnlySpan<byte> continuationPrefix, int mostCharacters)
    {
        byte[] prefix = continuationPrefix.ToArray();
        _starts = new ByteTrie(vocabulary.Tokens, vocabulary.Ids());
        _continuations = new ByteTrie(vocabulary.Tokens, vocabulary.Ids().Where(id => vocabulary[id].StartsWith(prefix)), prefix.Length);
        _unknown = unknown;
        _mostCharacters = mostCharacters;
    }

    protected override void EncodePiece(ReadOnlySpan<byte> piece, ModelWorkspace workspace, List<int> ids)
    {
        int before = ids.Count;
        if (Utf8Text.CountCodePoints(piece) > _mostCharacters || !TryEncode(piece, workspace.Budget, ids))
        {
            CollectionsMarshal.SetCount(ids, before);
            ids.Add(_unknown.IdFor(piece));
        }
    }

    private bool TryEncode(ReadOnlySpan<byte> word, TextBudget budget, List<int> ids)
    {
        for (int at = 0, end; at < word.Length; at = end)
        {
            int id = (at == 0 ? _starts : _continuations).LongestAt(word, at, budget, out end);
            if (id == ByteTrie.None)
                return false;

            ids.Add(id);
        }

        return true;
    }
}
