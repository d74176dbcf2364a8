using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace EdgeSdk.Text.Templates;

/// <summary>
/// Cuts a template into tokens. White space around tags is settled here: <c>-</c> and <c>+</c> in the tags, and what transformers sets for chat
/// templates, <c>trim_blocks</c> (a line feed right after a tag or comment is dropped) and <c>lstrip_blocks</c> (so are blanks between a line's
/// start and a tag or comment).
/// </summary>
internal sealed partial class Lexer
{
    private static readonly string[] s_symbols = ["//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ".", ",", ":", "|"];

    private readonly TemplateSource source;
    private readonly string text;
    private readonly List<Token> tokens = [];
    private int at;

    /// <summary>Whether only a line's start lies before <see cref="at"/>, once the last tag's line feed was dropped.</summary>
    private bool atLineStart = true;

    private Lexer(TemplateSource source)
    {
        this.source = source;
        text = source.Text;
    }

    /// <exception cref="EdgeException">A tag, a comment or a string is not closed, or a character has no meaning.</exception>
    public static List<Token> Read(TemplateSource source)
    {
        var lexer = new Lexer(source);
        lexer.ReadTemplate();
        return lexer.tokens;
    }

    private void ReadTemplate()
    {
        while (at < text.Length)
        {
            int open = FindOpening();
            if (open < 0)
            {
                AddText(text.Length);
                break;
            }

            ReadTextBefore(open);
            at = open + (Sign(open) == ' ' ? 2 : 3);
            ReadTag(open);
        }

        Add(TokenKind.End, text.Length, text.Length);
    }

    private void ReadTag(int open)
    {
        switch (text[open + 1])
        {
            case '#':
                ReadComment(open);
                break;
            case '{':
                Add(TokenKind.OutputStart, open, at);
                ReadCode(TokenKind.OutputEnd, "}}", open);
                break;
            case '%' when RawStart().Match(text, open) is { Success: true } raw:
                at = raw.Index + raw.Length;
                atLineStart = text[at - 1] == '\n';
                ReadRaw(open);
                break;
            default:
                Add(TokenKind.TagStart, open, at);
                ReadCode(TokenKind.TagEnd, "%}", open);
                break;
        }
    }

    private int FindOpening()
    {
        for (int i = text.IndexOf('{', at); i >= 0 && i + 1 < text.Length; i = text.IndexOf('{', i + 1))
        {
            if (text[i + 1] is '{' or '%' or '#')
                return i;
        }

        return -1;
    }

    /// <summary>The sign of white space control behind an opening; a blank where there is none.</summary>
    private char Sign(int open) => open + 2 < text.Length && text[open + 2] is '-' or '+' ? text[open + 2] : ' ';

    private void ReadTextBefore(int open)
    {
        int end = open;
        if (Sign(open) == '-')
        {
            while (end > at && PythonText.IsSpace(text[end - 1]))
                end--;
        }
        else if (Sign(open) == ' ' && text[open + 1] != '{')
        {
            end = WithoutIndent(open);
        }

        AddText(end);
    }

    private int WithoutIndent(int open)
    {
        int start = open;
        while (start > at && text[start - 1] != '\n')
        {
            if (!PythonText.IsSpace(text[--start]))
                return open;
        }

        return start > at || atLineStart ? start : open;
    }

    private void ReadComment(int open)
    {
        int end = text.IndexOf("#}", at, StringComparison.Ordinal);
        if (end < 0)
            throw source.Refuse(open, "the comment is not closed; '#}' is missing.");

        Close(end + 2, end > at ? text[end - 1] : ' ', isTag: true);
    }

    private void ReadRaw(int open)
    {
        var end = RawEnd().Match(text, at);
        if (!end.Success)
            throw source.Refuse(open, "the raw block is not closed; '{% endraw %}' is missing.");

        ReadTextBefore(end.Index);
        Close(end.Index + end.Length, text[end.Index + end.Length - 3], isTag: true);
    }

    /// <summary>Goes on behind a closing that ends at <paramref name="end"/>, past the white space that it drops.</summary>
    private void Close(int end, char sign, bool isTag)
    {
        at = end;
        if (sign == '-')
        {
            while (at < text.Length && PythonText.IsSpace(text[at]))
                at++;
        }
        else if (isTag && sign != '+' && at < text.Length && text[at] == '\n')
        {
            at++;
        }

        atLineStart = text[at - 1] == '\n';
    }

    private void ReadCode(TokenKind closing, string mark, int open)
    {
        int depth = 0;
        while (true)
        {
            while (at < text.Length && PythonText.IsSpace(text[at]))
                at++;

            if (at == text.Length)
                throw source.Refuse(open, $"'{text[open..(open + 2)]}' is not closed; '{mark}' is missing.");

            if (depth == 0 && TryClose(closing, mark))
                return;

            ReadToken();
            depth += tokens[^1] switch
            {
                { Kind: TokenKind.Symbol, Value: "(" or "[" or "{" } => 1,
                { Kind: TokenKind.Symbol, Value: ")" or "]" or "}" } => depth > 0 ? -1 : 0,
                _ => 0,
            };
        }
    }

    private bool TryClose(TokenKind closing, string mark)
    {
        bool isTag = closing == TokenKind.TagEnd;
        char sign = text[at] is '-' || (text[at] is '+' && isTag) ? text[at] : ' ';
        int start = sign == ' ' ? at : at + 1;
        if (string.CompareOrdinal(text, start, mark, 0, 2) != 0)
            return false;

        Add(closing, at, start + 2);
        Close(start + 2, sign, isTag);
        return true;
    }

    private void ReadToken()
    {
        if (text[at] is '\'' or '"')
            ReadString();
        else if (char.IsAsciiDigit(text[at]))
            ReadNumber();
        else if (char.IsLetter(text[at]) || text[at] == '_')
            Take(TokenKind.Name, Name().Match(text, at).Length);
        else if (Array.Find(s_symbols, s => string.CompareOrdinal(text, at, s, 0, s.Length) == 0) is { } symbol)
            Take(TokenKind.Symbol, symbol.Length);
        else
            throw source.Refuse(at, $"the character {(Rune.TryGetRuneAt(text, at, out var rune) ? $"'{rune}'" : $"U+{(int)text[at]:X4}")} has no meaning here.");
    }

    private void ReadNumber()
    {
        // Behind a point only an integer can follow: a.1.2 is an item of an item.
        if (text[Math.Max(at - 1, 0)] != '.' && Float().Match(text, at) is { Success: true } real)
            Take(TokenKind.Float, real.Length);
        else
            Take(TokenKind.Integer, Integer().Match(text, at).Length);
    }

    private void ReadString()
    {
        int start = at;
        var value = new StringBuilder();
        for (char quote = text[at++]; at < text.Length && text[at] != quote;)
        {
            if (text[at] == '\\' && at + 1 < text.Length)
                ReadEscape(value);
            else
                value.Append(text[at++]);
        }

        if (at == text.Length)
            throw source.Refuse(start, "the string is not closed.");

        at++;
        tokens.Add(new(TokenKind.String, value.ToString(), start, at));
    }

    /// <summary>The escapes of Python's strings; what is none stands for itself, its backslash included.</summary>
    private void ReadEscape(StringBuilder value)
    {
        char kind = text[at + 1];
        int start = at;
        at += 2;
        switch (kind)
        {
            case '\n': break;
            case 'n': value.Append('\n'); break;
            case 't': value.Append('\t'); break;
            case 'r': value.Append('\r'); break;
            case 'a': value.Append('\a'); break;
            case 'b': value.Append('\b'); break;
            case 'f': value.Append('\f'); break;
            case 'v': value.Append('\v'); break;
            case '\\' or '\'' or '"': value.Append(kind); break;
            case 'x': AppendCode(value, start, at, 2, NumberStyles.AllowHexSpecifier); break;
            case 'u': AppendCode(value, start, at, 4, NumberStyles.AllowHexSpecifier); break;
            case 'U': AppendCode(value, start, at, 8, NumberStyles.AllowHexSpecifier); break;
            case >= '0' and <= '7': AppendOctal(value); break;
            case 'N': throw source.Refuse(start, "the escape '\\N' is not supported; write the character itself.");
            default: value.Append('\\').Append(kind); break;
        }
    }

    private void AppendCode(StringBuilder value, int escape, int start, int digits, NumberStyles style)
    {
        if (start + digits > text.Length || !int.TryParse(text.AsSpan(start, digits), style, CultureInfo.InvariantCulture, out int code) || code is < 0 or > 0x10FFFF)
            throw source.Refuse(escape, $"'{text[escape..start]}' needs {digits} hexadecimal digits of a character.");

        at = start + digits;
        if (code < 0x10000)
            value.Append((char)code);
        else
            value.Append(char.ConvertFromUtf32(code));
    }

    private void AppendOctal(StringBuilder value)
    {
        int code = 0;
        at--;
        for (int end = Math.Min(at + 3, text.Length); at < end && text[at] is >= '0' and <= '7'; at++)
            code = (code * 8) + text[at] - '0';

        value.Append((char)code);
    }

    private void Take(TokenKind kind, int length)
    {
        Add(kind, at, at + length);
        at += length;
    }

    private void Add(TokenKind kind, int start, int end) => tokens.Add(new(kind, text[start..end], start, end));

    private void AddText(int end)
    {
        if (end > at)
            Add(TokenKind.Text, at, end);
    }

    [GeneratedRegex(@"\G\w+")]
    private static partial Regex Name();

    [GeneratedRegex(@"\G(?:[0-9]+_)*[0-9]+(?:(?:\.(?:[0-9]+_)*[0-9]+)?[eE][+-]?(?:[0-9]+_)*[0-9]+|\.(?:[0-9]+_)*[0-9]+)")]
    private static partial Regex Float();

    [GeneratedRegex(@"\G(?:0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|[1-9](?:_?[0-9])*|0(?:_?0)*)")]
    private static partial Regex Integer();

    [GeneratedRegex(@"\G\{%[-+]?\s*raw\s*(?:-%\}\s*|%\})")]
    private static partial Regex RawStart();

    [GeneratedRegex(@"\{%[-+]?\s*endraw\s*[-+]?%\}")]
    private static partial Regex RawEnd();
}
