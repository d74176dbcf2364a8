namespace EdgeSdk.Text;

/// <summary>A piece is a token, or unknown.</summary>
internal sealed class WordLevelModel(Vocabulary vocabulary, UnknownToken unknown) : TokenModel
{
    protected override void EncodePiece(ReadOnlySpan<byte> piece, ModelWorkspace workspace, List<int> ids)
    {
        int id = vocabulary.IdOf(piece);
        ids.Add(id >= 0 ? id : unknown.IdFor(piece));
    }
}
