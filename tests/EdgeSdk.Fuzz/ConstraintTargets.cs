using System.Text;
using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Fuzz;

/// <summary>
/// Schemas, grammars and regular expressions of any text, each compiled and written under: whatever the source, a text that takes only allowed tokens ends
/// within its limit.
/// </summary>
internal static class ConstraintTargets
{
    private const int MaxRefusal = 1200;
    private const int Room = 40;

    /// <summary>Made in the first run: what is instrumented may not run before the coverage map is there.</summary>
    private static readonly Lazy<ConstraintVocabulary> s_vocabulary = new(MakeVocabulary);

    private static readonly string[] s_schemaWords =
    [
        "{", "}", "[", "]", ",", ":", "\"", "true", "false", "null", "0", "1", "-1", "2.5", "1e3", "999999999999999", "1e400", "\"\\ud800\"", "\"é\"", "\"#\"", "\"#/$defs/a\"", "\"#/properties/a\"",
        "\"type\":", "\"object\"", "\"array\"", "\"string\"", "\"integer\"", "\"number\"", "\"boolean\"", "\"null\"", "\"properties\":{", "\"required\":[", "\"additionalProperties\":", "\"propertyNames\":",
        "\"enum\":[", "\"const\":", "\"items\":", "\"prefixItems\":[", "\"additionalItems\":", "\"minItems\":", "\"maxItems\":", "\"uniqueItems\":", "\"minLength\":", "\"maxLength\":", "\"pattern\":\"", "\"format\":\"",
        "\"date-time\"", "\"uuid\"", "\"uri\"", "\"minimum\":", "\"maximum\":", "\"exclusiveMinimum\":", "\"exclusiveMaximum\":", "\"anyOf\":[", "\"oneOf\":[", "\"allOf\":[", "\"$ref\":", "\"$defs\":{", "\"nullable\":",
        "\"title\":\"t\"", "\"default\":1", "\"x-edge-span\":true", "\"x-edge-texts\":[\"a b\"]", "{\"type\":\"string\"}", "{\"type\":\"integer\",\"minimum\":", "\"a\":", "\"b\":{}",
    ];

    private static readonly string[] s_grammarWords =
    [
        "root", "::=", " ::= ", "\n", "a", "b ::= ", "\"x\"", "\"", "\\n", "\\x41", "\\u00e9", "\\U0001F600", "[a-z]", "[^a]", "[", "]", "^", "-", "(", ")", "|", "?", "*", "+", "{2}", "{0,3}", "{1,}", "{100000}",
        "{999999}", ".", "# c\n", " ", "é", "😀", "root ::= \"(\" root \")\" | \"x\"\n",
    ];

    private static readonly string[] s_regexWords =
    [
        "a", "b", "(", ")", "(?:", "(?<n>", "(?=", "|", "?", "*", "+", "{2}", "{0,3}", "{1,}", "{1000}", "{999999}", ".", "^", "$", "[a-z]", "[^a]", "[", "]", "-", "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "\\n", "\\x41",
        "\\u00e9", "\\b", "\\p{L}", "\\1", "\\", "é", "😀", "(a+)+", "(a|a)*", "(.*a){20}",
    ];

    public static IEnumerable<FuzzTarget> Create() =>
    [
        new("schema", s_schemaWords, input => Run("json-schema", input)),
        new("grammar", s_grammarWords, input => Run("gbnf", input)),
        new("regex", s_regexWords, input => Run("regex", input)),
    ];

    private static void Run(string kind, byte[] input)
    {
        try
        {
            Write(Constraint.Parse(kind, Encoding.UTF8.GetString(input)), input.Length);
        }
        catch (EdgeException e)
        {
            Check(e.Code == EdgeErrorCode.InvalidArgument, $"a refusal as {e.Code}");
            Check(e.Message.Length < MaxRefusal, $"a refusal of {e.Message.Length} characters");
        }
    }

    private static void Write(Constraint constraint, int seed)
    {
        var random = new Random(seed);
        var state = constraint.Begin(s_vocabulary.Value, 0, Room);
        ulong[] mask = new ulong[s_vocabulary.Value.MaskLength];
        for (int place = 0; state.IsOpen && place < 3 * Room; place++)
        {
            state.Allowed(mask);
            int[] allowed = [.. Enumerable.Range(0, s_vocabulary.Value.Count).Where(id => (mask[id >> 6] >> id & 1) != 0)];
            Check(allowed.Length > 0, "a text that nothing may follow");
            Check(state.TryAdvance(allowed[random.Next(allowed.Length)]), "an allowed token does not fit");
        }
    }

    private static ConstraintVocabulary MakeVocabulary()
    {
        var tokens = new List<byte[]> { Array.Empty<byte>() };
        for (int b = 0; b < 256; b++)
            tokens.Add([(byte)b]);

        tokens.AddRange(((string[])["{\"", "\":", "\",\"", "\"}", "null", "true", "12", "ab", "the", " a", "é", "日本", "😀", "\\u00"]).Select(Encoding.UTF8.GetBytes));
        return new(tokens, [0], _ => null);
    }

    private static void Check(bool holds, string otherwise)
    {
        if (!holds)
            throw new InvalidOperationException(otherwise);
    }
}
