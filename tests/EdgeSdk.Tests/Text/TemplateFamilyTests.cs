using System.Text.Json.Nodes;
using EdgeSdk.Text;
using Microsoft.Extensions.Time.Testing;

namespace EdgeSdk.Tests.Text;

/// <summary>tests/data/templates holds what jinja2 renders, set up as transformers sets it for chat templates (make_cases.py there).</summary>
public sealed class TemplateFamilyTests
{
    private static readonly JsonNode s_families = Read("families.json");

    private static readonly JsonNode s_generated = Read("generated.json");

    private static readonly FakeTimeProvider s_clock = new(new DateTimeOffset(2026, 7, 4, 9, 5, 3, TimeSpan.Zero));

    public static TheoryData<string> Families => [.. s_families["cases"]!.AsArray().Select(c => (string)c!["template"]!).Distinct()];

    [Theory]
    [MemberData(nameof(Families))]
    public void A_template_in_the_manner_of_a_family_renders_as_in_jinja2(string family)
    {
        string file = Assets.Data($"templates/families/{family}.jinja");
        var template = ChatTemplate.Parse(File.ReadAllText(file), file, s_clock);

        foreach (var expected in s_families["cases"]!.AsArray().Where(c => (string)c!["template"]! == family))
        {
            var messages = s_families["conversations"]![(string)expected!["messages"]!]!.AsArray();
            var tools = (bool)expected["tools"]! ? s_families["tools"]!.AsArray() : null;

            var (text, e) = Outcome(() => template.Render(messages, tools, (bool)expected["prompt"]!, expected["more"]!.AsObject()));

            AssertSame(expected, text, e, $"{family}, {expected["messages"]}, tools {expected["tools"]}, {expected["more"]!.ToJsonString()}");
        }
    }

    [Fact]
    public void Random_templates_render_as_in_jinja2()
    {
        var variables = s_generated["variables"]!.AsObject();
        foreach (var expected in s_generated["cases"]!.AsArray())
        {
            string source = (string)expected!["source"]!;

            var (text, e) = Outcome(() => ChatTemplate.Parse(source, "generated", s_clock).Render([], null, false, variables));

            AssertSame(expected, text, e, source);
        }
    }

    private static void AssertSame(JsonNode expected, string? text, EdgeException? e, string about)
    {
        if (expected["text"] is { } rendered)
            Assert.True((string)rendered! == text, $"{about}\nexpected: {rendered}\nrendered: {text}\nerror: {e?.Message}");
        else if (expected["refusal"] is { } refusal)
            Assert.True(e?.Code == EdgeErrorCode.InvalidArgument && e.Message == (string)refusal!, $"{about}\nexpected refusal: {refusal}\nrendered: {text}\nerror: {e?.Message}");
        else
            Assert.True(e?.Code == EdgeErrorCode.InvalidModel, $"{about}\nexpected failure: {expected["failure"]}\nrendered: {text}\nerror: {e?.Message}");
    }

    private static (string? Text, EdgeException? Error) Outcome(Func<string> render)
    {
        try
        {
            return (render(), null);
        }
        catch (EdgeException e)
        {
            return (null, e);
        }
    }

    private static JsonNode Read(string file) => JsonNode.Parse(File.ReadAllText(Assets.Data($"templates/{file}")))!;
}
