using System.Text.Json;

namespace EdgeSdk.ProcessTests;

/// <summary>What a user of <c>edge ask</c>, <c>edge chat</c> and <c>edge generate</c> may say of the answer.</summary>
public sealed class AskTests
{
    private static readonly string[] s_ask = ["ask", "--device", Edge.Device, "--json", "--max-tokens", "24"];

    [Fact]
    public async Task An_answer_is_held_to_a_regular_expression_a_grammar_and_a_schema()
    {
        using var scratch = new Scratch();
        await File.WriteAllTextAsync(scratch["grammar.gbnf"], "root ::= (\"one \" | \"two \")+ \"end\"", TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(scratch["schema.json"], """{"type":"object","properties":{"seats":{"type":"integer","format":"uint8"}},"required":["seats"],"additionalProperties":false}""", TestContext.Current.CancellationToken);

        string matched = Text(await Edge.RunAsync([.. s_ask, "--regex", "yes|no", "Is it?"]));
        string written = Text(await Edge.RunAsync([.. s_ask, "--grammar", scratch["grammar.gbnf"], "Count."]));
        string typed = Text(await Edge.RunAsync([.. s_ask, "--schema", scratch["schema.json"], "How many?"]));

        Assert.Contains(matched, (string[])["yes", "no"]);
        Assert.Matches("^((one|two) )+end$", written);
        Assert.InRange(JsonElement.Parse(typed).GetProperty("seats").GetInt32(), 0, 255);
    }

    [Fact]
    public async Task Tokens_come_with_their_log_probabilities_where_they_are_asked_for()
    {
        var answer = (await Edge.RunAsync([.. s_ask, "--logprobs", "Hello"])).Json;
        var generated = (await Edge.RunAsync("generate", "--model", Edge.Device, "--prompt", "Hello", "--max-tokens", "5", "--logprobs", "--json")).Json;

        Assert.Equal(answer.GetProperty("tokens").GetInt32(), answer.GetProperty("token_ids").GetArrayLength());
        Assert.All(answer.GetProperty("log_probs").EnumerateArray(), logProb => Assert.True(logProb.GetSingle() <= 0));
        Assert.Equal((5, 5), (generated.GetProperty("tokens").GetArrayLength(), generated.GetProperty("log_probs").GetArrayLength()));
        Assert.False((await Edge.RunAsync([.. s_ask, "Hello"])).Json.TryGetProperty("log_probs", out _));
    }

    [Fact]
    public async Task A_thought_keeps_its_budget_and_is_shown_where_that_is_asked_for()
    {
        // The shipped device does not think by itself; a bias on the token that begins a thought lets it.
        string[] think = [.. s_ask, "--temperature", "2", "--logit-bias", "7+16,1-100", "Hello"];

        var hidden = (await Edge.RunAsync([.. think, "--thinking-budget", "8", "--logprobs"])).Json;
        var shown = (await Edge.RunAsync([.. think, "--thinking-budget", "8", "--show-thoughts"])).Json;
        var none = (await Edge.RunAsync([.. think, "--effort", "none", "--show-thoughts"])).Json;

        Assert.False(hidden.TryGetProperty("thought", out _));
        Assert.NotEmpty(shown.GetProperty("thought").GetString()!);
        Assert.Equal(hidden.GetProperty("text").GetString(), shown.GetProperty("text").GetString());
        Assert.False(none.TryGetProperty("thought", out _));
        var ids = hidden.GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt32()).ToList();
        Assert.InRange(ids.IndexOf(8) - ids.IndexOf(7), 1, 9);
    }

    [Fact]
    public async Task Penalties_biases_filters_stops_and_the_system_message_change_the_answer()
    {
        string[] ask = [.. s_ask, "--logit-bias", "1-100", "Tell me more"];
        string plain = Text(await Edge.RunAsync(ask));
        foreach (string[] more in (string[][])[["--frequency-penalty", "2"], ["--repeat-penalty", "2"], ["--temperature", "2"], ["--system", "You book buses."]])
            Assert.NotEqual(plain, Text(await Edge.RunAsync([.. ask, .. more])));

        Assert.NotEqual(Text(await Edge.RunAsync([.. ask, "--temperature", "1"])), Text(await Edge.RunAsync([.. ask, "--temperature", "1", "--presence-penalty", "2"])));
        foreach (string[] more in (string[][])[["--top-k", "1"], ["--top-p", "0.001"], ["--min-p", "0.999"]])
            Assert.Equal(plain, Text(await Edge.RunAsync([.. ask, "--temperature", "2", .. more])));

        string stop = plain[(plain.Length / 2)..][..3];
        Assert.Equal(plain[..plain.IndexOf(stop, StringComparison.Ordinal)], Text(await Edge.RunAsync([.. ask, "--stop", "never written", "--stop", stop])));
    }

    [Theory]
    [InlineData("3")]
    [InlineData("3+101")]
    [InlineData("-1+1")]
    [InlineData("3+1,3+2")]
    [InlineData("a+1")]
    public async Task A_bias_that_is_none_is_wrong_usage(string bias) => (await Edge.RunAsync("ask", "--device", Edge.Device, "--logit-bias", bias, "Hi")).Failed(2, "--logit-bias", "42-100");

    [Fact]
    public async Task A_bias_beyond_the_vocabulary_is_refused_by_its_range() =>
        (await Edge.RunAsync("generate", "--model", Edge.Device, "--prompt", "Hi", "--logit-bias", "5000+1")).Failed(2, "5000", "4095");

    private static string Text(Ended ended) => ended.Json.GetProperty("text").GetString()!;
}
