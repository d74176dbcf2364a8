using System.Runtime.CompilerServices;

namespace EdgeSdk.Text.Templates;

/// <summary>The tokens of a template, read from first to last.</summary>
internal sealed class TokenStream(TemplateSource source)
{
    private readonly List<Token> _tokens = Lexer.Read(source);
    private int _next;

    public TemplateSource Source => source;

    /// <summary>The token that is read next.</summary>
    public Token Peek => _tokens[_next];

    /// <summary>The token after <see cref="Peek"/>.</summary>
    public Token Second => _tokens[Math.Min(_next + 1, _tokens.Count - 1)];

    /// <summary>Where the last token that was read ends.</summary>
    public int LastEnd => _tokens[_next - 1].End;

    public Token Take() => Peek.Kind == TokenKind.End ? Peek : _tokens[_next++];

    public Token Expect(TokenKind kind, string what) => Peek.Kind == kind ? Take() : throw Unexpected(what);

    public Token ExpectSymbol(string symbol) => Peek.IsSymbol(symbol) ? Take() : throw Unexpected($"'{symbol}'");

    public Token ExpectName(string name) => Peek.IsName(name) ? Take() : throw Unexpected($"'{name}'");

    public bool TrySymbol(string symbol) => Try(Peek.IsSymbol(symbol));

    public bool TryName(string name) => Try(Peek.IsName(name));

    public EdgeException Unexpected(string expected) => source.Refuse(Peek.Start, $"{Peek} stands where {expected} was expected.");

    /// <summary>Refuses what nests so deeply that the stack would not hold it.</summary>
    public void CheckDepth()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw source.Refuse(Peek.Start, "the template is nested too deeply.");
    }

    private bool Try(bool isNext)
    {
        if (isNext)
            Take();

        return isNext;
    }
}
