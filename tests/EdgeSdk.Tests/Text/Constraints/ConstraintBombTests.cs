using System.Text;
using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Tests.Text.Constraints;

/// <summary>Sources that ask for much more than they are: refused, or done within bounds (tests 15 and 18 of our reliability rules).</summary>
[Collection(nameof(ConstraintBombTests))]
[CollectionDefinition(nameof(ConstraintBombTests), DisableParallelization = true)]
public class ConstraintBombTests
{
    /// <summary>A request's least size, its headers and prompt included.</summary>
    private const int LeastRequest = 4096;

    public static TheoryData<string> Names() => [.. s_bombs.Keys];

    private static readonly Dictionary<string, (string Kind, string Source)> s_bombs = new()
    {
        ["nesting of arrays"] = ("json-schema", string.Concat(Enumerable.Repeat("""{"items":""", 10_000)) + "true" + new string('}', 10_000)),
        ["nesting of brackets"] = ("json-schema", new string('[', 200_000)),
        ["enum of 20,000"] = ("json-schema", $$"""{"enum":[{{string.Join(',', Enumerable.Range(0, 20_000).Select(i => $"\"{i}\""))}}]}"""),
        ["huge counts"] = ("json-schema", """{"type":"array","items":{"type":"array","items":{"type":"string","minLength":1000,"maxLength":1000000},"minItems":100,"maxItems":1000000},"minItems":1000}"""),
        ["more than the highest count"] = ("json-schema", """{"type":"string","maxLength":1000001}"""),
        ["exponential unions"] = ("json-schema", "{\"$defs\":{" + string.Join(',', Enumerable.Range(0, 30).Select(i => $"\"d{i}\":{{\"anyOf\":[{{\"$ref\":\"#/$defs/d{i + 1}\"}},{{\"$ref\":\"#/$defs/d{i + 1}\"}}]}}")) + ",\"d30\":{\"type\":\"null\"}},\"$ref\":\"#/$defs/d0\"}"),
        ["references in a circle"] = ("json-schema", """{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}"""),
        ["properties of 5,000"] = ("json-schema", "{\"type\":\"object\",\"properties\":{" + string.Join(',', Enumerable.Range(0, 5_000).Select(i => $"\"p{i}\":{{}}")) + "}}"),
        ["names to be avoided"] = ("json-schema", "{\"type\":\"object\",\"additionalProperties\":true,\"properties\":{" + string.Join(',', Enumerable.Range(0, 3_000).Select(i => $"\"{i * 7919:x8}{i}\":{{}}")) + "}}"),
        ["bounds of all digits"] = ("json-schema", $$"""{"anyOf":[{{string.Join(',', Enumerable.Range(0, 300).Select(i => $$"""{"type":"number","minimum":-111111111111111.11111{{i}},"maximum":123456789012345.1234567{{i}}}"""))}}]}"""),
        ["expression of nested plus"] = ("regex", new string('(', 60) + "a" + string.Concat(Enumerable.Repeat(")+", 60))),
        ["expression of nested counts"] = ("regex", "((((a{1,99}){1,99}){1,99}){1,99}){1,99}"),
        ["expression of empty rounds"] = ("regex", "((a?){0,1000}){0,1000}"),
        ["expression of a thousand maybes"] = ("regex", string.Concat(Enumerable.Repeat("a?", 5_000)) + new string('a', 5_000)),
        ["expression of all choices"] = ("regex", "(.*a){20}(.|..|...){0,500}"),
        ["expression of nested groups"] = ("regex", new string('(', 100_000)),
        ["expression of classes"] = ("regex", string.Concat(Enumerable.Repeat(@"[^a-z\u0100\u0200\u0300]", 4_000))),
        ["grammar of a left recursion"] = ("gbnf", "root ::= a\na ::= b \"x\"\nb ::= a | \"y\""),
        ["grammar without an end"] = ("gbnf", "root ::= \"a\" root"),
        ["grammar of rules backwards"] = ("gbnf", string.Join('\n', Enumerable.Range(0, 8_000).Select(i => $"r{i} ::= r{i + 1}")) + "\nr8000 ::= \"a\"\nroot ::= r0"),
        ["grammar of an ambiguous sum"] = ("gbnf", "root ::= (\"a\" root | \"a\" root \"b\" | \"a\" root \"b\" root | \"\")"),
        ["grammar of doubling rules"] = ("gbnf", string.Join('\n', Enumerable.Range(0, 60).Select(i => $"r{i} ::= r{i + 1} r{i + 1}")) + "\nr60 ::= \"a\"\nroot ::= r0"),
        ["grammar of nested groups"] = ("gbnf", "root ::= " + new string('(', 100_000)),
        ["source at the limit"] = ("regex", new string('a', Constraint.MostSource)),
        ["source beyond the limit"] = ("regex", new string('a', Constraint.MostSource + 1)),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void A_source_costs_no_more_than_its_size_allows_before_and_while_it_is_written_by(string name)
    {
        var (kind, source) = s_bombs[name];
        int bytes = LeastRequest + Encoding.UTF8.GetByteCount(source);
        var vocabulary = ConstrainedWriter.Vocabulary;
        GC.Collect();
        long before = GC.GetTotalMemory(forceFullCollection: true);
        double start = ProcessorSeconds();
        Constraint? constraint = null;
        ConstraintState? state = null;
        try
        {
            constraint = Constraint.Parse(kind, source);
            state = constraint.Begin(vocabulary, 0, 200);
        }
        catch (EdgeException e)
        {
            Assert.Equal(EdgeErrorCode.InvalidArgument, e.Code);
            Assert.True(e.Message.Length < 600, e.Message);
        }

        double seconds = ProcessorSeconds() - start;
        long held = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.True(seconds < 2, $"{name}: {seconds:F1} s before admission");
        Assert.True(held <= 100L * bytes, $"{name}: {held} bytes for {bytes}");
        if (state is null)
            return;

        var random = new Random(1);
        ulong[] mask = new ulong[vocabulary.MaskLength];
        for (int place = 0; place < 60 && state.IsOpen; place++)
        {
            state.Allowed(mask);
            int[] allowed = [.. Enumerable.Range(0, vocabulary.Count).Where(id => ConstrainedWriter.IsSet(mask, id))];
            Assert.True(state.TryAdvance(allowed[random.Next(allowed.Length)]));
        }

        Assert.True(ProcessorSeconds() - start < 8, $"{name}: {ProcessorSeconds() - start:F1} s for 60 tokens");
        Assert.True(constraint!.Bytes < 64 << 20, $"{name}: {constraint.Bytes} bytes");
        GC.KeepAlive(constraint);
    }

    /// <summary>Kind, source of a size, the largest size that is taken, and what the refusal of one more says.</summary>
    private static readonly Dictionary<string, (string Kind, Func<int, string> Source, int Most, string Says)> s_limits = new()
    {
        ["characters"] = ("regex", n => new string('a', n), Constraint.MostSource, "characters long"),
        ["schemas within schemas"] = ("json-schema", n => string.Concat(Enumerable.Repeat("""{"type":"array","items":""", n - 1)) + """{"type":"null"}""" + new string('}', n - 1), 64, "nested deeper than 64"),
        ["groups of an expression"] = ("regex", n => new string('(', n) + "a" + new string(')', n), 64, "nesting deeper than 64"),
        ["groups of a grammar"] = ("gbnf", n => "root ::= " + new string('(', n) + "\"a\"" + new string(')', n), 64, "nested deeper than 64"),
        ["a string's characters"] = ("json-schema", n => $$"""{"type":"string","maxLength":{{n}}}""", 1_000_000, "1000000"),
        ["a string's least characters"] = ("json-schema", n => $$"""{"type":"string","minLength":{{n}}}""", 1_000_000, "1000000"),
        ["an array's items"] = ("json-schema", n => $$"""{"type":"array","items":{"type":"null"},"maxItems":{{n}}}""", 1_000_000, "1000000"),
        ["an expression's rounds"] = ("regex", n => $"(ab){{2,{n}}}", 1_000_000, "1000000"),
        ["a grammar's rounds"] = ("gbnf", n => $"root ::= \"ab\"{{2,{n}}}", 1_000_000, "1000000"),
        ["nodes, seven for each class, and a few"] = ("regex", n => string.Concat(Enumerable.Repeat("\\w", n)), (ByteGrammar.FreeNodes - 4) / (7 - 2 * ByteGrammar.NodesPerCharacter), "compiles to more than"),
    };

    public static TheoryData<string> Limits() => [.. s_limits.Keys];

    [Theory]
    [MemberData(nameof(Limits))]
    public void A_source_at_a_limit_is_written_by_and_one_beyond_it_is_refused_by_the_limits_number(string name)
    {
        var (kind, source, most, says) = s_limits[name];
        var state = Constraint.Parse(kind, source(most)).Begin(ConstrainedWriter.Vocabulary, 0, 40);
        ulong[] mask = new ulong[ConstrainedWriter.Vocabulary.MaskLength];
        state.Allowed(mask);
        Assert.Contains(mask, word => word != 0);

        var refused = Assert.Throws<EdgeException>(() => Constraint.Parse(kind, source(most + 1)));
        Assert.Equal(EdgeErrorCode.InvalidArgument, refused.Code);
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_second_request_with_a_source_finds_it_compiled_and_many_sources_do_not_add_up()
    {
        const string Pattern = "once [a-z]+ and again";
        var first = Constraint.Regex(Pattern);
        Assert.Same(first, Constraint.Parse("regex", Pattern));
        for (int i = 0; i < 200; i++)
            Constraint.Regex($"another {i}").Begin(ConstrainedWriter.Vocabulary);

        Assert.NotSame(first, Constraint.Regex(Pattern));
        Assert.Equal(first, Constraint.Regex(Pattern));
    }

    /// <summary>Of the whole process; no other tests run beside these.</summary>
    private static double ProcessorSeconds() => Environment.CpuUsage.TotalTime.TotalSeconds;
}
