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
    private const int MaxName = 256;

    private static readonly string[] s_symbols = ["//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ".", ",", ":", "|"];

    private readonly TemplateSource _source;
    private readonly string _text;
    private readonly List<Token> _tokens = [];
    private int _at;

    /// <summary>Whether only a line's start lies before <see cref="_at"/>, once the last tag's line feed was dropped.</summary>
    private bool _atLineStart = true;

    private Lexer(TemplateSource source)
    {
        _source = source;
        _text = source.Text;
    }

    /// <exception cref="EdgeException">A tag, a comment or a string is not closed, or a character has no meaning.</exception>
    public static List<Token> Read(TemplateSource source)
    {
        var lexer = new Lexer(source);
        lexer.ReadTemplate();
        return lexer._tokens;
    }

    private void ReadTemplate()
    {
        while (_at < _text.Length)
        {
            int open = FindOpening();
            if (open < 0)
            {
                AddText(_text.Length);
                break;
            }

            ReadTextBefore(open);
            _at = open + (Sign(open) == ' ' ? 2 : 3);
            ReadTag(open);
        }

        Add(TokenKind.End, _text.Length, _text.Length);
    }

    private void ReadTag(int open)
    {
        switch (_text[open + 1])
        {
            case '#':
                ReadComment(open);
                break;
            case '{':
                Add(TokenKind.OutputStart, open, _at);
                ReadCode(TokenKind.OutputEnd, "}}", open);
                break;
            case '%' when RawStart().Match(_text, open) is { Success: true } raw:
                _at = raw.Index + raw.Length;
                _atLineStart = _text[_at - 1] == '\n';
                ReadRaw(open);
                break;
            default:
                Add(TokenKind.TagStart, open, _at);
                ReadCode(TokenKind.TagEnd, "%}", open);
                break;
        }
    }

    private int FindOpening()
    {
        for (int i = _text.IndexOf('{', _at); i >= 0 && i + 1 < _text.Length; i = _text.IndexOf('{', i + 1))
        {
            if (_text[i + 1] is '{' or '%' or '#')
                return i;
        }

        return -1;
    }

    /// <summary>The sign of white space control behind an opening; a blank where there is none.</summary>
    private char Sign(int open) => open + 2 < _text.Length && _text[open + 2] is '-' or '+' ? _text[open + 2] : ' ';

    private void ReadTextBefore(int open)
    {
        int end = open;
        if (Sign(open) == '-')
        {
            while (end > _at && PythonText.IsSpace(_text[end - 1]))
                end--;
        }
        else if (Sign(open) == ' ' && _text[open + 1] != '{')
        {
            end = WithoutIndent(open);
        }

        AddText(end);
    }

    private int WithoutIndent(int open)
    {
        int start = open;
        while (start > _at && _text[start - 1] != '\n')
        {
            if (!PythonText.IsSpace(_text[--start]))
                return open;
        }

        return start > _at || _atLineStart ? start : open;
    }

    private void ReadComment(int open)
    {
        int end = _text.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
            throw _source.Refuse(open, "the comment is not closed; '#}' is missing.");

        Close(end + 2, end > _at ? _text[end - 1] : ' ', isTag: true);
    }

    private void ReadRaw(int open)
    {
        var end = RawEnd().Match(_text, _at);
        if (!end.Success)
            throw _source.Refuse(open, "the raw block is not closed; '{% endraw %}' is missing.");

        ReadTextBefore(end.Index);
        Close(end.Index + end.Length, _text[end.Index + end.Length - 3], isTag: true);
    }

    /// <summary>Goes on behind a closing that ends at <paramref name="end"/>, past the white space that it drops.</summary>
    private void Close(int end, char sign, bool isTag)
    {
        _at = end;
        if (sign == '-')
        {
            while (_at < _text.Length && PythonText.IsSpace(_text[_at]))
                _at++;
        }
        else if (isTag && sign != '+' && _at < _text.Length && _text[_at] == '\n')
        {
            _at++;
        }

        _atLineStart = _text[_at - 1] == '\n';
    }

    private void ReadCode(TokenKind closing, string mark, int open)
    {
        int depth = 0;
        while (true)
        {
            while (_at < _text.Length && PythonText.IsSpace(_text[_at]))
                _at++;

            if (_at == _text.Length)
                throw _source.Refuse(open, $"'{_text[open..(open + 2)]}' is not closed; '{mark}' is missing.");

            if (depth == 0 && TryClose(closing, mark))
                return;

            ReadToken();
            depth += _tokens[^1] switch
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
        char sign = _text[_at] is '-' || (_text[_at] is '+' && isTag) ? _text[_at] : ' ';
        int start = sign == ' ' ? _at : _at + 1;
        if (string.CompareOrdinal(_text, start, mark, 0, 2) != 0)
            return false;

        Add(closing, _at, start + 2);
        Close(start + 2, sign, isTag);
        return true;
    }

    private void ReadToken()
    {
        if (_text[_at] is '\'' or '"')
            ReadString();
        else if (char.IsAsciiDigit(_text[_at]))
            ReadNumber();
        else if (char.IsLetter(_text[_at]) || _text[_at] == '_')
            ReadName();
        else if (Array.Find(s_symbols, s => string.CompareOrdinal(_text, _at, s, 0, s.Length) == 0) is { } symbol)
            Take(TokenKind.Symbol, symbol);
        else
            throw _source.Refuse(_at, $"the character {(Rune.TryGetRuneAt(_text, _at, out var rune) ? $"'{rune}'" : $"U+{(int)_text[_at]:X4}")} has no meaning here.");
    }

    /// <summary>A name is looked up each time that it is read, so it must not be long.</summary>
    private void ReadName()
    {
        var name = Name().Match(_text, _at);
        Take(TokenKind.Name, name.Length <= MaxName ? name.Value : throw _source.Refuse(_at, $"the name has {name.Length} characters; at most {MaxName} are allowed."));
    }

    private void ReadNumber()
    {
        // Behind a point only an integer can follow: a.1.2 is an item of an item.
        if (_text[Math.Max(_at - 1, 0)] != '.' && Float().Match(_text, _at) is { Success: true } real)
            Take(TokenKind.Float, real.Value);
        else
            Take(TokenKind.Integer, Integer().Match(_text, _at).Value);
    }

    private void ReadString()
    {
        int start = _at;
        var value = new StringBuilder();
        for (char quote = _text[_at++]; _at < _text.Length && _text[_at] != quote;)
        {
            if (_text[_at] == '\\' && _at + 1 < _text.Length)
                ReadEscape(value);
            else
                value.Append(_text[_at++]);
        }

        if (_at == _text.Length)
            throw _source.Refuse(start, "the string is not closed.");

        _at++;
        _tokens.Add(new(TokenKind.String, value.ToString(), start, _at));
    }

    /// <summary>The escapes of Python's strings; what is none stands for itself, its backslash included.</summary>
    private void ReadEscape(StringBuilder value)
    {
        char kind = _text[_at + 1];
        int start = _at;
        _at += 2;
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
            case 'x': AppendCode(value, start, _at, 2, NumberStyles.AllowHexSpecifier); break;
            case 'u': AppendCode(value, start, _at, 4, NumberStyles.AllowHexSpecifier); break;
            case 'U': AppendCode(value, start, _at, 8, NumberStyles.AllowHexSpecifier); break;
            case >= '0' and <= '7': AppendOctal(value); break;
            case 'N': throw _source.Refuse(start, "the escape '\\N' is not supported; write the character itself.");
            default: value.Append('\\').Append(kind); break;
        }
    }

    private void AppendCode(StringBuilder value, int escape, int start, int digits, NumberStyles style)
    {
        if (start + digits > _text.Length || !int.TryParse(_text.AsSpan(start, digits), style, CultureInfo.InvariantCulture, out int code) || code is < 0 or > 0x10FFFF)
            throw _source.Refuse(escape, $"'{_text[escape..start]}' needs {digits} hexadecimal digits of a character.");

        _at = start + digits;
        if (code < 0x10000)
            value.Append((char)code);
        else
            value.Append(char.ConvertFromUtf32(code));
    }

    private void AppendOctal(StringBuilder value)
    {
        int code = 0;
        _at--;
        for (int end = Math.Min(_at + 3, _text.Length); _at < end && _text[_at] is >= '0' and <= '7'; _at++)
            code = (code * 8) + _text[_at] - '0';

        value.Append((char)code);
    }

    private void Take(TokenKind kind, string value)
    {
        _tokens.Add(new(kind, value, _at, _at + value.Length));
        _at += value.Length;
    }

    private void Add(TokenKind kind, int start, int end) => _tokens.Add(new(kind, _text[start..end], start, end));

    private void AddText(int end)
    {
        if (end > _at)
            Add(TokenKind.Text, _at, end);
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
