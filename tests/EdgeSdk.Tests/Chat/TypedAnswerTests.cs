using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using EdgeSdk.Chat;
using EdgeSdk.Text;
using EdgeSdk.Text.Constraints;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Tests.Chat;

/// <summary>Under the schema that Microsoft.Extensions.AI gives for a type, even a model of random choices writes a text of that type.</summary>
public class TypedAnswerTests
{
    private static readonly Tokenizer s_tokenizer = Tokenizer.Load(ShippedPair.Device);

    private enum Colour
    {
        Red,
        DarkGreen,
    }

    private sealed record Everything(
        string Text, string? Perhaps, bool Flag, [property: Range(-50, 300)] int Bounded, long Large, double Real, [property: Range(0, 1000)] decimal Price, Colour Colour, Colour? Other,
        Guid Id, string[] Names, List<Colour> Colours, Dictionary<string, bool> Flags, Everything? Inner, JsonElement Anything);

    [Fact]
    public void Every_common_type_is_read_back() => AssertReadBack<Everything>(60);

    private sealed record Times(DateTime Moment, DateTimeOffset[] Zoned, DateOnly Day, TimeOnly? Hour, TimeSpan Length);

    [Fact]
    public void Every_type_of_time_is_read_back() => AssertReadBack<Times>(60);

    private sealed record Others(Uri Link, Uri? Link2, Version Version, char Letter, float Real, JsonElement Any, Dictionary<string, Guid[]> Map);

    [Fact]
    public void Other_types_are_read_back() => AssertReadBack<Others>(60);

    private static void AssertReadBack<T>(int seeds)
    {
        var format = (ChatResponseFormatJson)ChatResponseFormat.ForJsonSchema<T>();
        var request = ChatRequest.From([new(ChatRole.User, "Go")], new() { ResponseFormat = format }, new EdgeOptions(), 1, "m");
        for (int seed = 1; seed <= seeds; seed++)
        {
            string text = Write(request.Constraint!, new Random(seed));
            try
            {
                Assert.NotNull(JsonSerializer.Deserialize<T>(text, AIJsonUtilities.DefaultOptions));
            }
            catch (JsonException e)
            {
                Assert.Fail($"seed {seed}: {text}: {e.Message} {e.InnerException?.Message}");
            }
        }
    }

    private static string Write(Constraint constraint, Random random)
    {
        const int End = 1;
        var vocabulary = ConstraintVocabulary.Of(s_tokenizer, [End]);
        var state = constraint.Begin(vocabulary, 0, random.Next(40, 400));
        ulong[] mask = new ulong[vocabulary.MaskLength];
        var text = new List<int>();
        while (true)
        {
            state.Allowed(mask);
            int[] allowed = [.. Enumerable.Range(0, vocabulary.Count).Where(id => (mask[id >> 6] & (1UL << id)) != 0)];
            int token = allowed[random.Next(allowed.Length)];
            Assert.True(state.TryAdvance(token));
            if (token == End)
                return s_tokenizer.Decode([.. text]);

            text.Add(token);
        }
    }
}
