using EdgeSdk.Remote;
using EdgeSdk.Sampling;
using EdgeSdk.Server;

namespace EdgeSdk.Tests.Server;

public class TextRequestTests
{
    [Fact]
    public void Penalties_and_biases_travel_and_a_resumed_text_counts_from_the_end_of_its_prompt()
    {
        var sampler = new SamplerSpec(0.7f, 3, FrequencyPenalty: 0.5f, PresencePenalty: -0.25f, RepetitionPenalty: 1.1f) { Bias = LogitBias.Of([new(9, 1.5f), new(2, -3)]) };
        var open = OpenFrame.For([1, 2, 3], ServedModel.Info.VocabularyFingerprint, sampler, 9);
        open.Version = TextRequest.Version;
        open.Committed = OpenFrame.TokensOf([4, 5]);

        var request = TextRequest.From(open, ServedModel.Info, new EdgeServerOptions());

        Assert.Equal([1, 2, 3, 4, 5], request.Text);
        Assert.Equal(sampler with { WrittenFrom = 3 }, request.Sampler);
    }
}
