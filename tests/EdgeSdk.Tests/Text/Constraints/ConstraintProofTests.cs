using System.Text.Json;
using System.Text.RegularExpressions;
using EdgeSdk.Text;
using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Tests.Text.Constraints;

/// <summary>What is written, held against recognisers that share nothing with the automaton, and on tokenizers of every kind.</summary>
public class ConstraintProofTests
{
    [Fact]
    public void What_is_written_under_a_random_expression_matches_it_by_dotnet()
    {
        for (int seed = 1; seed <= 200; seed++)
        {
            var random = new Random(seed);
            var (pattern, oracle) = Drawn(random);
            for (int i = 0; i < 3; i++)
            {
                string text = ConstrainedWriter.Write(Constraint.Regex(pattern), random, extra: random.Next(40));
                Assert.True(oracle.IsMatch(OneUnitEach(text)), $"seed {seed}: {pattern} gave {text}");
                string other = Changed(text, random);
                Assert.True(oracle.IsMatch(OneUnitEach(other)) == ConstrainedWriter.Accepts(Constraint.Regex(pattern), other), $"seed {seed}: {pattern} and {other}");
            }
        }
    }

    [Fact]
    public void What_is_written_under_a_random_grammar_is_a_text_of_it()
    {
        for (int seed = 1; seed <= 200; seed++)
        {
            var random = new Random(seed);
            var constraint = RandomGrammar.Draw(random, out var grammar);
            for (int i = 0; i < 3; i++)
            {
                string text = ConstrainedWriter.Write(constraint, random, extra: random.Next(40));
                Assert.True(grammar.Matches(text), $"seed {seed}: {grammar} gave {text}");
                string other = Changed(text, random);
                Assert.True(grammar.Matches(other) == ConstrainedWriter.Accepts(constraint, other), $"seed {seed}: {grammar} and {other}");
            }
        }
    }

    [Fact]
    public void A_valid_instance_in_its_shortest_spelling_is_accepted()
    {
        for (int seed = 1; seed <= 200; seed++)
        {
            var random = new Random(seed);
            string schema = RandomSchema.Draw(random, 3);
            using var written = JsonDocument.Parse(ConstrainedWriter.Write(Constraint.JsonSchema(schema), random, extra: random.Next(60)));
            string shortest = Shortest(written.RootElement);
            Assert.True(ConstrainedWriter.Accepts(Constraint.JsonSchema(schema, compact: true), shortest), $"seed {seed}: {schema} and {shortest}");
        }
    }

    [Theory]
    [MemberData(nameof(TokenizerVariants))]
    public void A_tokenizer_of_any_kind_writes_valid_text_or_is_refused_for_what_it_lacks(string name)
    {
        using var variant = JsonDocument.Parse(File.ReadAllBytes(Assets.Data($"tokenizers/variants/{name}.json")));
        var tokenizer = Tokenizer.Parse(System.Text.Encoding.UTF8.GetBytes(variant.RootElement.GetProperty("tokenizer").GetRawText()), name);
        int end = Enumerable.Range(0, tokenizer.VocabularySize).FirstOrDefault(tokenizer.IsSpecial, tokenizer.VocabularySize - 1);
        var constraint = Constraint.JsonSchema("""{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string","maxLength":9}},"required":["a","b"],"additionalProperties":false}""", compact: true);
        ConstraintState state;
        try
        {
            state = ConstrainedText.For(constraint, tokenizer, [end], 0, 80).Begin();
        }
        catch (EdgeException e)
        {
            Assert.Matches("tokenizer(.json has no decoder| has no token for 0x)", e.Message);
            return;
        }

        var random = new Random(5);
        ulong[] mask = new ulong[(tokenizer.VocabularySize + 63) / 64];
        var ids = new List<int>();
        do
        {
            state.Allowed(mask);
            int[] allowed = [.. Enumerable.Range(0, tokenizer.VocabularySize).Where(id => ConstrainedWriter.IsSet(mask, id))];
            ids.Add(allowed[random.Next(allowed.Length)]);
            Assert.True(state.TryAdvance(ids[^1]));
        }
        while (ids[^1] != end);

        using var written = JsonDocument.Parse(tokenizer.Decode(ids.ToArray().AsSpan(..^1)));
        Assert.True(written.RootElement.GetProperty("b").GetString()!.EnumerateRunes().Count() <= 9);
    }

    public static TheoryData<string> TokenizerVariants() =>
        [.. Directory.EnumerateFiles(Assets.Data("tokenizers/variants"), "*.json").Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal)];

    private static string Shortest(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => $"{{{string.Join(',', element.EnumerateObject().Select(p => $"\"{JsonText.Spell(p.Name)}\":{Shortest(p.Value)}"))}}}",
        JsonValueKind.Array => $"[{string.Join(',', element.EnumerateArray().Select(Shortest))}]",
        _ => JsonText.Scalar(element),
    };

    /// <summary>A text with one character more, less, or another.</summary>
    private static string Changed(string text, Random random)
    {
        var runes = text.EnumerateRunes().Select(rune => rune.ToString()).ToList();
        int at = random.Next(runes.Count + 1);
        string other = ((string[])["a", "b", "é", "(", "1", "\n", "日"])[random.Next(7)];
        if (at == runes.Count || random.Next(3) == 0)
            runes.Insert(at, other);
        else if (random.Next(2) == 0)
            runes[at] = other;
        else
            runes.RemoveAt(at);

        return string.Concat(runes);
    }

    /// <summary>The oracle counts UTF-16 units: characters of two become others of one, which no expression here tells apart.</summary>
    private static string OneUnitEach(string text) => string.Concat(text.EnumerateRunes().Select(rune => rune.IsBmp ? (char)rune.Value : '\uE000'));

    /// <summary>A random expression that .NET's automaton has room for.</summary>
    private static (string Pattern, Regex Oracle) Drawn(Random random)
    {
        while (true)
        {
            string pattern = RandomPattern.Draw(random, 2);
            try
            {
                return (pattern, new Regex($"^(?:{pattern})\\z", RegexOptions.NonBacktracking));
            }
            catch (NotSupportedException)
            {
                // Its counts multiply beyond the oracle's limit.
            }
        }
    }
}
