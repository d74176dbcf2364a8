using CsCheck;
using EdgeSdk.Routing;
using EdgeSdk.Sampling;

namespace EdgeSdk.Tests.Routing;

public sealed class HandOverTests
{
    private const int Call = 6;

    [Fact]
    public void A_turn_stays_while_its_first_tokens_together_are_likely_enough()
    {
        var rule = new HandOver(8, -1);

        Assert.True(rule.Stays(Held(-0.25f, -0.5f)));
        Assert.True(rule.Stays(Held(-0.25f, -0.5f, -0.25f)));
        Assert.False(rule.Stays(Held(-0.25f, -0.5f, -0.5f)));
        Assert.Contains("first 3 tokens is -1.25, below -1.00", rule.Reason(Held(-0.25f, -0.5f, -0.5f)), StringComparison.Ordinal);
    }

    [Fact]
    public void No_further_token_brings_a_turn_back() => Gen.Select(Gen.Float[-3, 0].Array[1, 20], Gen.Double[-6, 0], Gen.Int[-1, 8]).Sample((logProbs, least, callToken) =>
    {
        var rule = new HandOver(20, least, callToken);
        bool[] stays = [.. Enumerable.Range(1, logProbs.Length).Select(n => rule.Stays(Held(logProbs[..n])))];
        Assert.Equal(stays.OrderDescending(), stays);
    });

    [Fact]
    public void A_call_never_stays_where_the_model_leaves_calls_to_the_server()
    {
        Pick[] call = [new(Call, -0.001f, 9), new(30, -0.001f, 9)];

        Assert.True(new HandOver(2, -1).Stays(call));
        var rule = new HandOver(2, -1, Call);
        Assert.False(rule.Stays(call));
        Assert.Contains("call", rule.Reason(call), StringComparison.Ordinal);
    }

    [Fact]
    public void Tokens_that_a_constraint_or_a_budget_forces_are_no_sign_of_doubt()
    {
        var rule = new HandOver(2, -1);
        Pick[] forced = [.. Held(-7, -9).Select(pick => pick with { IsForced = true })];

        Assert.False(rule.Stays(Held(-7, -0.5f)));
        Assert.True(rule.Stays([.. forced, .. Held(-0.5f)]));
        Assert.False(rule.IsDone([.. forced, .. Held(-0.5f)]));
        Assert.True(rule.IsDone([.. forced, .. Held(-0.25f, -0.25f)]));
        Assert.Contains("first 1 tokens is -0.50", rule.Reason([.. forced, .. Held(-0.5f)]), StringComparison.Ordinal);
    }

    [Fact]
    public void The_sampler_tells_which_tokens_were_forced()
    {
        float[] logits = [3, 2, 1, 0, 0, 0];
        var spec = SamplerSpec.Greedy with { Thought = new(Begin: 4, End: 5, Budget: 1, From: 1, IsOpen: true) };
        var text = SampledText.For(spec, logits.Length)!;

        Assert.False(text.Choose(logits, [1]).IsForced);
        var end = text.Choose(logits, [1, 0]);
        Assert.Equal((5, true), (end.Token, end.IsForced));
        Assert.False(text.Choose(logits, [1, 0, 5]).IsForced);
        Assert.False(Sampler.Choose(logits, new SamplerSpec(1, TopK: 1), 3).IsForced);
    }

    /// <summary>Tokens 1, 2, 3 ... with these log-probabilities.</summary>
    private static Pick[] Held(params float[] logProbs) => [.. logProbs.Select((logProb, i) => new Pick(i + 1, logProb, 1))];
}
