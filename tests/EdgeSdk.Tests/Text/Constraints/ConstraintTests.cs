using System.Text.Json;
using System.Text.RegularExpressions;
using EdgeSdk.Decoding;
using EdgeSdk.Sampling;
using EdgeSdk.Text.Constraints;
using Json.Schema;

using static EdgeSdk.Tests.Text.Constraints.ConstrainedWriter;

namespace EdgeSdk.Tests.Text.Constraints;

public class ConstraintTests
{
    [Fact]
    public void What_a_model_of_random_scores_writes_under_a_random_schema_is_valid_at_any_limit()
    {
        var options = new EvaluationOptions { OutputFormat = OutputFormat.Flag, RequireFormatValidation = true };
        for (int seed = 1; seed <= 1000; seed++)
        {
            var random = new Random(seed);
            string schema = RandomSchema.Draw(random, 3);
            var constraint = Constraint.JsonSchema(schema, compact: random.Next(2) == 0);
            string text = Write(constraint, random, extra: random.Next(60));
            using var document = JsonDocument.Parse(text);
            Assert.True(JsonSchema.FromText(schema).Evaluate(document.RootElement, options).IsValid, $"seed {seed}: {schema} gave {text}");
        }
    }

    [Theory]
    [InlineData(@"(?:ab|cd){2,5}")]
    [InlineData(@"\d{3}-\d{4}|[A-F]+x?")]
    [InlineData(@"[^a-z\n]{2,}é*")]
    [InlineData(@"a(b(c|d)*)?e+")]
    [InlineData(@"(\w+ ){1,3}\w+\.")]
    public void What_is_written_under_a_regular_expression_matches_it(string pattern)
    {
        var oracle = new Regex($"^(?:{pattern})\\z");
        for (int seed = 1; seed <= 40; seed++)
        {
            string text = Write(Constraint.Regex(pattern), new Random(seed), extra: seed);
            Assert.True(oracle.IsMatch(text), $"seed {seed}: {text}");
        }
    }

    [Fact]
    public void A_grammar_with_recursion_writes_balanced_brackets()
    {
        const string Grammar = """
            root ::= item+   # comment
            item ::= "(" item* ")" | [a-c]
            """;
        for (int seed = 1; seed <= 200; seed++)
        {
            int depth = 0;
            foreach (char c in Write(Constraint.Grammar(Grammar), new Random(seed), extra: seed % 50))
            {
                depth += c == '(' ? 1 : c == ')' ? -1 : 0;
                Assert.True(depth >= 0 && "()abc".Contains(c), $"seed {seed}");
            }

            Assert.Equal(0, depth);
        }
    }

    /// <summary>Counts of which the last rounds are told apart by tokens of sixteen characters or of more, as the vocabulary has them.</summary>
    private static readonly string[] s_counted = ["[a-q ]{0,24}!", "(?:[a-q]{1,18} ){2,3}", "(?:ab|é){0,20}(?:cd){5,30}", "[日本語]{3,21}a*", "a{0,17}(?:a{0,40}b)?"];

    [Fact]
    public void A_mask_allows_what_can_be_taken_and_nothing_else()
    {
        for (int seed = 1; seed <= 60; seed++)
        {
            var random = new Random(seed);
            var constraint = (seed % 6) switch
            {
                0 or 3 => Constraint.JsonSchema(RandomSchema.Draw(random, 2)),
                1 or 4 => Constraint.Regex(RandomPattern.Draw(random, 3)),
                2 => RandomGrammar.Draw(random, out _),
                _ => Constraint.Regex(s_counted[seed / 6 % s_counted.Length]),
            };
            var state = constraint.Begin(ConstrainedWriter.Vocabulary);
            ulong[] mask = new ulong[ConstrainedWriter.Vocabulary.MaskLength];
            for (int step = 0; step < 40; step++)
            {
                state.Allowed(mask);
                var allowed = new List<int>();
                for (int id = 0; id < ConstrainedWriter.Vocabulary.Count; id++)
                {
                    bool can = state.TryAdvance(id);
                    if (can)
                    {
                        state.Rewind(1);
                        allowed.Add(id);
                    }

                    Assert.True(can == IsSet(mask, id), $"seed {seed}, step {step}, token {id}");
                }

                int next = allowed[random.Next(allowed.Count)];
                Assert.True(state.TryAdvance(next));
                if (next == End)
                    break;
            }
        }
    }

    [Theory]
    [InlineData("""{"type":"object","patternProperties":{}}""", "#/patternProperties")]
    [InlineData("""{"properties":{"a":{"type":"array","uniqueItems":true}}}""", "#/properties/a/uniqueItems")]
    [InlineData("""{"type":"string","maxLength":150000,"minLength":150001}""", "#/maxLength")]
    [InlineData("""{"$ref":"#"}""", "left-recursive")]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}""", "finite")]
    [InlineData("""{"type":"string","pattern":"(?=a)"}""", "look-around")]
    [InlineData("""{"type":"string","pattern":"((a{1000}){1000}){1000}"}""", "lower its counts")]
    public void What_a_schema_cannot_have_is_named(string schema, string named)
    {
        var refused = Assert.Throws<EdgeException>(() => Constraint.JsonSchema(schema));
        Assert.Equal(EdgeErrorCode.InvalidArgument, refused.Code);
        Assert.Contains(named, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_span_is_words_of_the_texts()
    {
        const string Schema = """{"type":"string","x-edge-span":true,"x-edge-texts":["A table at Sino, please","for 2 people"]}""";
        for (int seed = 1; seed <= 50; seed++)
        {
            string value = JsonDocument.Parse(Write(Constraint.JsonSchema(Schema), new Random(seed), extra: 30)).RootElement.GetString()!;
            Assert.Matches(@"^\w.*\w$|^\w$", value);
            Assert.True("A table at Sino, please".Contains(value, StringComparison.Ordinal) || "for 2 people".Contains(value, StringComparison.Ordinal), value);
        }
    }

    [Fact]
    public void A_call_has_a_tool_of_those_in_reach_and_its_arguments()
    {
        const string Tools = """{"tools":[{"name":"Book","parameters":{"type":"object","properties":{"n":{"type":"integer","minimum":1,"maximum":12}},"required":["n"]}}],"required":true}""";
        for (int seed = 1; seed <= 50; seed++)
            Assert.Matches(@"^(<\|call\|>Book\{""n"":([1-9]|1[0-2])\})+$", Write(Constraint.Tools(Tools), new Random(seed), extra: 60));
    }

    [Theory]
    [InlineData("", @"^((?!<\|call\|>)[\s\S])*(<\|call\|>(A|B)\{\})*\z")]
    [InlineData(@",""parallel"":false", @"^((?!<\|call\|>)[\s\S])*(<\|call\|>(A|B)\{\})?\z")]
    [InlineData(@",""parallel"":false,""required"":true", @"^<\|call\|>(A|B)\{\}$")]
    [InlineData(@",""answer"":{""enum"":[1,22]}", @"^(1|22|(<\|call\|>(A|B)\{\})+)$")]
    [InlineData(@",""answer"":{""enum"":[1,22]},""parallel"":false", @"^(1|22|<\|call\|>(A|B)\{\})$")]
    [InlineData(@",""answer"":{""enum"":[1,22]},""required"":true", @"^(<\|call\|>(A|B)\{\})+$")]
    public void A_turn_is_text_or_an_answer_or_calls_as_the_tools_say(string more, string pattern)
    {
        string tools = $$"""{"tools":[{"name":"A"},{"name":"B","parameters":{"type":"object","additionalProperties":false} }]{{more}}}""";
        for (int seed = 1; seed <= 30; seed++)
            Assert.Matches(pattern, Write(Constraint.Tools(tools), new Random(seed), extra: seed));
    }

    [Fact]
    public async Task A_sequence_picks_behind_guesses_and_rewinds_as_one_that_went_straight()
    {
        var info = new ModelInfo("table", "t", null, ConstrainedWriter.Vocabulary.Count, 4096, [End]);
        var model = new TableModel(info, new StepTraits(16, 1, default), (ulong _, int _, in SamplerSpec _) => default, scores: TableModel.RandomScores(5, 4));
        var constraint = Constraint.JsonSchema("""{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}},"required":["a","b"]}""");
        for (int seed = 1; seed <= 20; seed++)
        {
            var sampler = new SamplerSpec(1, (ulong)seed, FrequencyPenalty: seed % 2, WrittenFrom: 1) { Constrained = new(constraint, ConstrainedWriter.Vocabulary, 1, 60) };
            var straight = await WriteAsync(model, sampler, new Random(seed), guesses: false);
            Assert.Equal(straight, await WriteAsync(model, sampler, new Random(seed), guesses: true));
            Assert.Equal(End, straight[^1]);
        }
    }

    [Fact]
    public void Bytes_that_have_no_token_are_done_without()
    {
        var lacking = Lacking(0x04, 0x7F, 0xC0, 0xF1, 0xF2, 0xF4);
        var options = new EvaluationOptions { OutputFormat = OutputFormat.Flag, RequireFormatValidation = true };
        for (int seed = 1; seed <= 100; seed++)
        {
            var random = new Random(seed);
            string schema = RandomSchema.Draw(random, 3);
            string text = Write(Constraint.JsonSchema(schema), random, extra: random.Next(60), lacking);
            using var document = JsonDocument.Parse(text);
            Assert.True(JsonSchema.FromText(schema).Evaluate(document.RootElement, options).IsValid, $"seed {seed}: {schema} gave {text}");
        }

        for (int seed = 1; seed <= 20; seed++)
            Assert.Matches(@"^(?:ac|[\x05-\x7e]{3})\z", Write(Constraint.Regex(@"a\x04b|ac|[\x04-\x7f]{3}"), new Random(seed), extra: 9, lacking));
    }

    [Fact]
    public void A_byte_of_every_text_that_has_no_token_is_named()
    {
        var e = Assert.Throws<EdgeException>(() => Constraint.JsonObject().Begin(Lacking((byte)'{')));
        Assert.Contains("no token for 0x7B", e.Message, StringComparison.Ordinal);
    }

    private static async Task<List<int>> WriteAsync(TableModel model, SamplerSpec sampler, Random random, bool guesses)
    {
        await using var sequence = await model.OpenAsync(sampler, TestContext.Current.CancellationToken);
        var text = new List<int> { 7 };
        while (text[^1] != End)
        {
            int[] step = [text[^1], .. guesses ? Enumerable.Range(0, 3).Select(_ => random.Next(1, ConstrainedWriter.Vocabulary.Count)) : []];
            var picks = new Pick[step.Length];
            await sequence.StepAsync(step, picks, TestContext.Current.CancellationToken);
            int taken = 0;
            do
                text.Add(picks[taken].Token);
            while (taken + 1 < step.Length && picks[taken].Token == step[taken + 1] && picks[taken++].Token != End);

            await sequence.RewindAsync(text.Count - 1, TestContext.Current.CancellationToken);
        }

        return text;
    }
}
