using System.Collections.Concurrent;

namespace EdgeSdk.Text.Constraints;

/// <summary>
/// What a text must look like. Immutable and shared by the texts that ask for the same; compiled once, over bytes. Equal where kind and source are, which is also its wire form.
/// </summary>
internal sealed class Constraint : IEquatable<Constraint>
{
    /// <summary>The longest source, UTF-16 units.</summary>
    public const int MostSource = 256 * 1024;

    private readonly ByteGrammar _grammar;
    private readonly int _root;
    private readonly int[] _costs;

    /// <summary>Not weak by vocabulary: what a weak table holds outlives the constraint until the table is finalised, and bombs in a row add up.</summary>
    private readonly ConcurrentDictionary<ConstraintVocabulary, TokenMasks> _masks = [];

    private Constraint(string kind, string source)
    {
        (Kind, Source) = (kind, source);
        if (source.Length > MostSource)
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"The constraint is {source.Length} characters long; at most {MostSource} are taken.");

        _grammar = new(source.Length);
        try
        {
            _root = Compile(kind, source);
        }
        catch (InvalidOperationException e)
        {
            throw new EdgeException(EdgeErrorCode.InvalidArgument, "The constraint's JSON holds an escape that is half a character. Correct it.", e);
        }

        _costs = GrammarCosts.Of(_grammar, _root);
    }

    /// <summary>The kind's name in the protocol.</summary>
    public string Kind { get; }

    public string Source { get; }

    /// <summary>About what it takes, with what it knows of the texts that it was used on.</summary>
    public long Bytes => 2L * Source.Length + 40L * _grammar.Nodes.Count + _masks.Sum(pair => pair.Value.Bytes);

    /// <summary>Whether it says how calls are written, and not only what text looks like.</summary>
    public bool IsOfCalls => Kind == "tools";

    /// <summary>A constraint from its wire form.</summary>
    /// <exception cref="EdgeException">InvalidArgument: what is wrong with it.</exception>
    public static Constraint Parse(string kind, string source) => RecentConstraints.Get(kind, source, static (kind, source) => new(kind, source));

    /// <summary>A JSON text that a schema describes; with at most one space behind commas and colons, or none where <paramref name="compact"/>.</summary>
    public static Constraint JsonSchema(string schemaJson, bool compact = false) => Parse(compact ? "json-schema-compact" : "json-schema", schemaJson);

    /// <summary>Any JSON object.</summary>
    public static Constraint JsonObject() => Parse("json-object", "");

    /// <summary>A text that matches a regular expression as a whole.</summary>
    public static Constraint Regex(string pattern) => Parse("regex", pattern);

    /// <summary>A text of a grammar in llama.cpp's notation; its first rule is <c>root</c>.</summary>
    public static Constraint Grammar(string gbnf) => Parse("gbnf", gbnf);

    /// <summary>Text and calls in the shipped pair's format (docs/chat-format.md), each call's arguments by its tool's schema.</summary>
    /// <param name="toolsJson">See <see cref="ToolCalls"/>.</param>
    public static Constraint Tools(string toolsJson) => Parse("tools", toolsJson);

    /// <summary>A text that begins.</summary>
    /// <param name="vocabulary">The model's.</param>
    /// <param name="start">The place of the first constrained token: the prompt's length.</param>
    /// <param name="end">The first place that no token is left for.</param>
    public ConstraintState Begin(ConstraintVocabulary vocabulary, int start = 0, int end = int.MaxValue) =>
        new(_masks.GetOrAdd(vocabulary, v => new(_grammar, _root, _costs, v)), start, end);

    /// <summary>The source's own words for a message: the beginning and the end of long ones.</summary>
    public static string Brief(string words) => words.Length <= 200 ? words : $"{words[..100]}...{words[^97..]}";

    public bool Equals(Constraint? other) => other is not null && Kind == other.Kind && Source == other.Source;

    public override bool Equals(object? obj) => Equals(obj as Constraint);

    public override int GetHashCode() => HashCode.Combine(Kind, Source);

    private int Compile(string kind, string source) => kind switch
    {
        "json-schema" => new JsonSchemaCompiler(_grammar, spaced: true).Compile(source),
        "json-schema-compact" => new JsonSchemaCompiler(_grammar, spaced: false).Compile(source),
        "json-object" => new JsonSchemaCompiler(_grammar, spaced: true).Compile("""{"type":"object"}"""),
        "regex" => _grammar.Rule(new RegexParser(_grammar, source, set => set.Utf8(_grammar)).Whole()),
        "gbnf" => new GbnfParser(_grammar, source).Parse(),
        "tools" => ToolCalls.Compile(_grammar, source),
        _ => throw new EdgeException(
            EdgeErrorCode.InvalidArgument, "The kind of constraint is unknown; json-schema, json-schema-compact, json-object, regex, gbnf and tools are known."),
    };
}

/// <summary>Where a constraint holds in a text: from a place on, over a vocabulary, and done before another place.</summary>
internal sealed record ConstrainedText(Constraint Constraint, ConstraintVocabulary Vocabulary, int Start, int End)
{
    /// <summary>A constraint on what a model writes behind a prompt.</summary>
    /// <param name="constraint">What the text must look like.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="endTokens">What ends the model's texts.</param>
    /// <param name="prompt">Tokens of the prompt.</param>
    /// <param name="end">The first place that no token is left for.</param>
    public static ConstrainedText For(Constraint constraint, Tokenizer tokenizer, IEnumerable<int> endTokens, int prompt, int end) =>
        new(constraint, ConstraintVocabulary.Of(tokenizer, endTokens), prompt, end);

    public ConstraintState Begin() => Constraint.Begin(Vocabulary, Start, End);
}

/// <summary>A constraint under which a text can stand at so many places that following them would take too long.</summary>
internal sealed class AmbiguousConstraintException(string how)
    : EdgeException(EdgeErrorCode.InvalidArgument, $"The constraint is too ambiguous: {how}. Nest its repetitions less.");
