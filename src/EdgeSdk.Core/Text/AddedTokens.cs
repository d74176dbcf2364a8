using System.Buffers;

namespace EdgeSdk.Text;

/// <summary>A token that is found in the text itself, before the model sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">Its text.</param>
/// <param name="SingleWord">Only where no word character touches it.</param>
/// <param name="LeftStrip">Takes the white space before it in.</param>
/// <param name="RightStrip">Takes the white space after it in.</param>
/// <param name="Normalized">Is looked for in the normalised text, itself normalised; else in the raw text.</param>
/// <param name="Special">A control token, not text.</param>
internal sealed record AddedToken(int Id, string Content, bool SingleWord, bool LeftStrip, bool RightStrip, bool Normalized, bool Special);

/// <summary>Finds added tokens in a text: the leftmost, of those the longest, as the reference implementation does. Immutable.</summary>
internal sealed class AddedTokenFinder
{
    private readonly AddedToken[] _tokens;
    private readonly ByteTrie _contents;
    private readonly SearchValues<byte> _firstBytes;

    /// <param name="tokens">What to look for, each with its UTF-8. Of two that are the same the special one counts, else the first.</param>
    public AddedTokenFinder(IEnumerable<(AddedToken Token, byte[] Content)> tokens)
    {
        var ordered = tokens.OrderBy(t => t.Token.Special ? 0 : 1).ToArray();
        _tokens = [.. ordered.Select(t => t.Token)];
        _contents = new ByteTrie(ordered.Select((t, i) => (t.Content, i)), keepsFirst: true);
        _firstBytes = SearchValues.Create([.. ordered.Where(t => t.Content.Length > 0).Select(t => t.Content[0]).Distinct()]);
    }

    /// <summary>Cuts <paramref name="text"/> into tokens (with their ids) and the text between them (id -1), none empty.</summary>
    public void Find(ReadOnlySpan<byte> text, List<(int Id, Piece Piece)> parts)
    {
        int done = 0;
        for (int at = 0; at < text.Length;)
        {
            int skip = text[at..].IndexOfAny(_firstBytes);
            if (skip < 0)
                break;

            at += skip;
            int place = _contents.LongestAt(text, at, ByteTrie.Root, out int end);
            if (place == ByteTrie.None)
            {
                at++;
                continue;
            }

            var token = _tokens[place];
            int start = at;
            at = end;
            if (token.SingleWord && (TouchesWordBefore(text, start) || TouchesWordAfter(text, end)))
                continue;

            start = token.LeftStrip ? Math.Max(Utf8Text.BeforeWhiteSpace(text, start), done) : start;
            end = token.RightStrip ? Utf8Text.AfterWhiteSpace(text, end) : end;
            if (done < start)
                parts.Add((-1, new Piece(done, start)));

            // A token of white space may have been stripped away by the one before. (One that was only reached into counts, as in the reference.)
            if (start < end)
                parts.Add((token.Id, new Piece(start, end)));

            done = end;
        }

        if (done < text.Length)
            parts.Add((-1, new Piece(done, text.Length)));
    }

    private static bool TouchesWordBefore(ReadOnlySpan<byte> text, int at) =>
        at > 0 && NamedClasses.UnicodeWord.Contains(Utf8Text.CodePointAt(text, Utf8Text.Before(text, at), out _));

    private static bool TouchesWordAfter(ReadOnlySpan<byte> text, int at) => at < text.Length && NamedClasses.UnicodeWord.Contains(Utf8Text.CodePointAt(text, at, out _));
}
