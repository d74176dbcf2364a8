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
    private const int Root = 0;

    private readonly Dictionary<(int Node, byte Value), int> _children = [];
    private readonly List<AddedToken?> _tokens = [null];
    private readonly SearchValues<byte> _firstBytes;

    /// <param name="tokens">What to look for, each with its UTF-8.</param>
    public AddedTokenFinder(IEnumerable<(AddedToken Token, byte[] Content)> tokens)
    {
        foreach (var (token, content) in tokens)
        {
            int node = Root;
            foreach (byte value in content)
            {
                if (!_children.TryGetValue((node, value), out int child))
                {
                    child = _tokens.Count;
                    _tokens.Add(null);
                    _children.Add((node, value), child);
                }

                node = child;
            }

            // Of two tokens that normalise to the same text the first counts.
            _tokens[node] = node == Root ? null : _tokens[node] ?? token;
        }

        _firstBytes = SearchValues.Create([.. _children.Keys.Where(k => k.Node == Root).Select(k => k.Value)]);
    }

    /// <summary>Cuts <paramref name="text"/> into tokens (with their ids) and the text between them (id -1), none empty.</summary>
    public void Find(ReadOnlySpan<byte> text, List<(int Id, Piece Piece)> parts)
    {
        int done = 0;
        for (int at = 0; at < text.Length;)
        {
            int skip = text[at..].IndexOfAny(_firstBytes);
            if (skip < 0)
            {
                break;
            }

            at += skip;
            if (LongestAt(text, at, out int end) is not { } token)
            {
                at++;
                continue;
            }

            int start = at;
            at = end;
            if (token.SingleWord && (TouchesWordBefore(text, start) || TouchesWordAfter(text, end)))
            {
                continue;
            }

            start = token.LeftStrip ? Math.Max(StripBefore(text, start), done) : start;
            end = token.RightStrip ? StripAfter(text, end) : end;
            if (done < start)
            {
                parts.Add((-1, new Piece(done, start)));
            }

            // A token of white space may have been stripped away by the one before. (One that was only reached into counts, as in the reference.)
            if (start < end)
            {
                parts.Add((token.Id, new Piece(start, end)));
            }

            done = end;
        }

        if (done < text.Length)
        {
            parts.Add((-1, new Piece(done, text.Length)));
        }
    }

    private AddedToken? LongestAt(ReadOnlySpan<byte> text, int at, out int end)
    {
        AddedToken? longest = null;
        end = at;
        for (int node = Root; at < text.Length && _children.TryGetValue((node, text[at]), out node);)
        {
            at++;
            if (_tokens[node] is { } token)
            {
                longest = token;
                end = at;
            }
        }

        return longest;
    }

    private static bool TouchesWordBefore(ReadOnlySpan<byte> text, int at) =>
        at > 0 && CodePointClass.IsWord(Utf8Text.CodePointAt(text, Utf8Text.Before(text, at), out _));

    private static bool TouchesWordAfter(ReadOnlySpan<byte> text, int at) => at < text.Length && CodePointClass.IsWord(Utf8Text.CodePointAt(text, at, out _));

    private static int StripBefore(ReadOnlySpan<byte> text, int at)
    {
        for (int before; at > 0 && CodePointClass.IsWhiteSpace(Utf8Text.CodePointAt(text, before = Utf8Text.Before(text, at), out _)); at = before)
        {
        }

        return at;
    }

    private static int StripAfter(ReadOnlySpan<byte> text, int at)
    {
        for (int length; at < text.Length && CodePointClass.IsWhiteSpace(Utf8Text.CodePointAt(text, at, out length)); at += length)
        {
        }

        return at;
    }
}
