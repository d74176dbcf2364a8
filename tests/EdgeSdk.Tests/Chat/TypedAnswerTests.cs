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
        string Text, string? Perhaps, bool Flag, [property: Range(-50, 300)] int Bounded, int Count, long Large, double Real, [property: Range(0, 1000)] decimal Price, Colour Colour, Colour? Other,
        Guid Id, string[] Names, List<Colour> Colours, Dictionary<string, bool> Flags, Everything? Inner, JsonElement Anything);

    [Fact]
    public void Every_common_type_is_read_back() => AssertReadBack<Everything>(60);

    private sealed record Times(DateTime Moment, DateTimeOffset[] Zoned, DateOnly Day, TimeOnly? Hour, TimeSpan Length);

    [Fact]
    public void Every_type_of_time_is_read_back() => AssertReadBack<Times>(60);

    private sealed record Others(Uri Link, Uri? Link2, Version Version, char Letter, float Real, JsonElement Any, Dictionary<string, Guid[]> Map);

    [Fact]
    public void Other_types_are_read_back() => AssertReadBack<Others>(60);

    private sealed record Numbers(int Int, int? Maybe, int[] Ints, Dictionary<string, int> Map, long Long, [property: Range(-1e15, 1e15)] long Large, double Real, decimal Money, decimal[] Amounts, [property: Range(0, 255)] byte Byte);

    [Fact]
    public void Numbers_are_read_back()
    {
        bool large = false;
        AssertReadBack<Numbers>(150, read => large |= read.Large > int.MaxValue);

        Assert.True(large, "a range did not widen an integer");
    }

    [Fact]
    public void An_integer_of_a_schema_that_no_type_made_has_any_width()
    {
        var format = ChatResponseFormat.ForJsonSchema(JsonElement.Parse("""{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"""));
        var request = ChatRequest.From([new(ChatRole.User, "Go")], new() { ResponseFormat = format }, new EdgeOptions(), 1, "m");

        Assert.Contains(Enumerable.Range(1, 60), seed => JsonElement.Parse(Write(request.Constraint!, new Random(seed))).GetProperty("n").GetInt64() > int.MaxValue);
    }

    private sealed record Annotated(
        [property: StringLength(9, MinimumLength = 2)] string Name, [property: RegularExpression("^[A-Z]{2}\\d{5}$")] string Code, [property: AllowedValues("a", "b")] string Choice,
        [property: Length(1, 3)] Line[] Lines, [property: EmailAddress] string Mail, [property: Url] string Page, [property: Base64String] byte[] Data, [property: DataType(DataType.Date)] string Day);

    private sealed record Line(Colour? Colour, IReadOnlyDictionary<string, Line[]> More);

    [Fact]
    public void What_annotations_say_holds_and_bytes_are_read_back() => AssertReadBack<Annotated>(60, read =>
    {
        Assert.InRange(read.Name.EnumerateRunes().Count(), 2, 9); // JSON Schema counts code points
        Assert.Matches("^[A-Z]{2}[0-9]{5}$", read.Code);
        Assert.Contains(read.Choice, (string[])["a", "b"]);
        Assert.InRange(read.Lines.Length, 1, 3);
        Assert.True(DateOnly.TryParse(read.Day, out _), read.Day);
    });

    private sealed record Order(int Count, byte[] Stamp, Dictionary<string, short[]> Sizes, Order? Before);

    [Fact]
    public async Task A_strict_call_binds_to_the_types_of_its_method()
    {
        int bound = 0;
        var tool = AIFunctionFactory.Create(
            (int n, int? m, byte b, sbyte s, short t, ushort u, uint v, long w, ulong x, decimal d, byte[] data, Order order, Colour colour, DateOnly day, int[] list, [Range(1, 12)] int seats, int last = 7) =>
            {
                Assert.InRange(seats, 1, 12);
                bound++;
            },
            "Book");
        var options = new ChatOptions { Tools = [tool], ToolMode = ChatToolMode.RequireAny, AllowMultipleToolCalls = false, AdditionalProperties = new() { ["strict"] = true } };
        var request = ChatRequest.From([new(ChatRole.User, "Go")], options, new EdgeOptions(), 1, "m");
        for (int seed = 1; seed <= 60; seed++)
        {
            var reader = new AnswerReader("id");
            string text = Write(request.Constraint!, new Random(seed));
            var call = Assert.IsType<FunctionCallContent>(Assert.Single([.. reader.AppendRendered(text), .. reader.End()]));
            try
            {
                await tool.InvokeAsync(new(call.Arguments), TestContext.Current.CancellationToken);
            }
            catch (Exception e) when (e is JsonException or ArgumentException)
            {
                Assert.Fail($"seed {seed}: {text}: {e.Message}");
            }
        }

        Assert.Equal(60, bound);
    }

    private static void AssertReadBack<T>(int seeds, Action<T>? check = null)
    {
        var format = (ChatResponseFormatJson)ChatResponseFormat.ForJsonSchema<T>();
        var request = ChatRequest.From([new(ChatRole.User, "Go")], new() { ResponseFormat = format }, new EdgeOptions(), 1, "m");
        for (int seed = 1; seed <= seeds; seed++)
        {
            string text = Write(request.Constraint!, new Random(seed));
            try
            {
                var read = JsonSerializer.Deserialize<T>(text, AIJsonUtilities.DefaultOptions);
                Assert.NotNull(read);
                check?.Invoke(read);
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
