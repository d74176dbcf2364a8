using EdgeSdk.Decoding;
using EdgeSdk.Sampling;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Decoding;

public class ThinkingLosslessTests
{
    private const int Vocabulary = 12, Begin = 3, End = 4;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task With_a_budget_for_thinking_a_verifier_writes_what_its_model_writes_alone_resumed_or_not()
    {
        int accepted = 0;
        for (int seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            int[] prompt = [0, 1];
            var limit = new ThoughtLimit(Begin, End, Budget: random.Next(0, 9), From: prompt.Length, IsOpen: random.Next(2) == 0);
            var spec = new SamplerSpec(random.Next(2), (ulong)seed) { Thought = limit };
            var model = new TableModel(
                Worlds.Info(Vocabulary), new(8, 1, default), TableModel.Random((ulong)seed, Vocabulary, 4), scores: TableModel.RandomScores((ulong)seed, 4));
            var stop = StopRule.For(model.Info, prompt.Length, 30);
            int[] alone = await WriteAloneAsync(model, spec, stop, prompt);
            int[] resumed = [.. prompt, .. alone[..random.Next(0, 20)]];

            await using var verifier = new Verifier(model, await model.OpenAsync(spec, Cancelled), stop, TimeProvider.System);
            var text = resumed.ToList();
            for (var commit = await verifier.StartAsync(resumed, Cancelled); commit is { } next; commit = await verifier.NextAsync(Cancelled))
            {
                text.AddRange(next.Tokens.ToArray());
                accepted += next.Accepted;
                int[] guesses = [.. alone.Skip(text.Count - prompt.Length).Take(5).Select(token => random.Next(4) == 0 ? random.Next(Vocabulary) : token)];
                verifier.Offer(text.Count, guesses, heard: text.Count);
            }

            Assert.True(alone.SequenceEqual(text.Skip(prompt.Length)), $"seed {seed}: {string.Join(' ', text.Skip(prompt.Length))} instead of {string.Join(' ', alone)}");
        }

        Assert.True(accepted > 500, $"only {accepted} guesses were accepted");
    }

    private static async Task<int[]> WriteAloneAsync(TableModel model, SamplerSpec spec, StopRule stop, int[] prompt)
    {
        await using var sequence = await model.OpenAsync(spec, Cancelled);
        return [.. await new Generation(sequence, stop).RunAsync(prompt, Cancelled).Select(pick => pick.Token).ToListAsync(Cancelled)];
    }
}
