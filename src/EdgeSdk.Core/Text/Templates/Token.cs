namespace EdgeSdk.Text.Templates;

internal enum TokenKind
{
    /// <summary>Text between tags, with its white space already controlled.</summary>
    Text,

    /// <summary><c>{{</c></summary>
    OutputStart,

    /// <summary><c>}}</c></summary>
    OutputEnd,

    /// <summary><c>{%</c></summary>
    TagStart,

    /// <summary><c>%}</c></summary>
    TagEnd,

    /// <summary>A name or a word of the language; which of the two depends on its place.</summary>
    Name,

    /// <summary>A string; the value is what it stands for, without quotes and escapes.</summary>
    String,

    /// <summary>An integer's digits.</summary>
    Integer,

    /// <summary>The digits of a number with a point or an exponent.</summary>
    Float,

    /// <summary>An operator, a bracket or a separator.</summary>
    Symbol,

    /// <summary>The end of the template.</summary>
    End,
}

/// <param name="Kind">What it is.</param>
/// <param name="Value">Its text.</param>
/// <param name="Start">Where it begins in the source.</param>
/// <param name="End">Where it ends in the source.</param>
internal readonly record struct Token(TokenKind Kind, string Value, int Start, int End)
{
    public bool IsSymbol(string symbol) => Kind == TokenKind.Symbol && Value == symbol;

    public bool IsName(string name) => Kind == TokenKind.Name && Value == name;

    /// <summary>How a message names it.</summary>
    public override string ToString() => Kind switch
    {
        TokenKind.Text => "text",
        TokenKind.End => "the end of the template",
        TokenKind.String => "a string",
        _ => $"'{Value}'",
    };
}
