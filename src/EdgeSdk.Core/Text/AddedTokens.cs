using System.Buffers;
using System.Text;

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

    /// <param name="tokens">What to look for. Of two that are the same the special one counts, else the first.</param>
    /// <param name="normalizer">What is done to a text before they are looked for, and to them; null: nothing.</param>
    public AddedTokenFinder(AddedToken[] tokens, Normalizer? normalizer)
    {
        _tokens = [.. tokens.Reverse().OrderBy(t => t.Special)];
        var contents = new TokenBytes();
        var budget = new TextBudget();
        budget.Add(tokens.Sum(t => t.Content.Length));
        var normalized = new TextBuffer(budget);
        foreach (var token in _tokens)
        {
            byte[] content = Encoding.UTF8.GetBytes(token.Content);
            normalized.Clear();
            normalizer?.Apply(content, 0, normalized);
            contents.Add(normalizer is null ? content : normalized.Written);
        }

        _contents = new ByteTrie(contents, Enumerable.Range(0, contents.Count));
        _firstBytes = SearchValues.Create([.. Enumerable.Range(0, contents.Count).Where(i => !contents[i].IsEmpty).Select(i => contents[i][0]).Distinct()]);
    }

    /// <summary>Cuts <paramref name="text"/> into tokens (with their ids) and the text between them (id -1), none empty.</summary>
    public void Find(ReadOnlySpan<byte> text, TextBudget budget, List<(int Id, Piece Piece)> parts)
    {
        int done = 0, whiteSpaceEnd = -1;
        for (int at = 0; at < text.Length;)
        {
            int skip = text[at..].IndexOfAny(_firstBytes);
            if (skip < 0)
                break;

            at += skip;
            int place = _contents.LongestAt(text, at, budget, out int end);
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

            // White space is looked through once, also where each token is within what the one before took in.
            start = token.LeftStrip ? done + Utf8Text.BeforeWhiteSpace(text[done..], Math.Max(start - done, 0)) : start;
            if (token.RightStrip)
                end = whiteSpaceEnd = end <= whiteSpaceEnd ? whiteSpaceEnd : Utf8Text.AfterWhiteSpace(text, end);

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

    /// <summary>Where the first of them begins, whatever its flags; -1: <paramref name="text"/> has none.</summary>
    public int IndexIn(ReadOnlySpan<byte> text)
    {
        for (int at = 0; at < text.Length; at++)
        {
            int skip = text[at..].IndexOfAny(_firstBytes);
            if (skip < 0)
                break;

            at += skip;
            if (_contents.From(text, at).MoveNext())
                return at;
        }

        return -1;
    }

    private static bool TouchesWordBefore(ReadOnlySpan<byte> text, int at) =>
        at > 0 && NamedClasses.UnicodeWord.Contains(Utf8Text.CodePointAt(text, Utf8Text.Before(text, at), out _));

    private static bool TouchesWordAfter(ReadOnlySpan<byte> text, int at) => at < text.Length && NamedClasses.UnicodeWord.Contains(Utf8Text.CodePointAt(text, at, out _));
}
