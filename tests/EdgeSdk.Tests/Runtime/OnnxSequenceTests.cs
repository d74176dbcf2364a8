using System.Runtime.InteropServices;
using EdgeSdk.Decoding;
using EdgeSdk.Runtime;
using EdgeSdk.Sampling;

namespace EdgeSdk.Tests.Runtime;

/// <summary>What a sequence promises, on models whose passes have two rows at least.</summary>
public sealed class OnnxSequenceTests(VerifierModels models) : IClassFixture<VerifierModels>
{
    private static readonly int[] Chunks = [16, 50, 64, 130];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(VerifierModels.Names), MemberType = typeof(VerifierModels))]
    public async Task However_a_text_is_chunked_stepped_and_rewound_its_logits_are_bitwise_those_of_one_long_step(string name)
    {
        var oneStep = await models.LoadAsync(name);
        for (int seed = 0; seed < 12; seed++)
        {
            var random = new Random(seed);
            var model = await models.LoadAsync(name, chunk: Chunks[seed % Chunks.Length]);
            var text = RandomText(model, seed, model.Info.ContextLength);
            await using var sequence = (OnnxSequence)await model.OpenAsync(SamplerSpec.Greedy, Cancel);
            for (int move = 0; move < 12; move++)
            {
                await sequence.RewindAsync(Math.Max(0, sequence.Length - random.Next(1, 40)), Cancel);
                int width = Math.Min(random.Next(3) switch { 0 => random.Next(1, 4), 1 => random.Next(1, 18), _ => random.Next(17, 200) }, text.Length - sequence.Length);
                var logits = new float[Math.Min(width, 20) * model.Info.VocabularySize];
                await sequence.StepAsync(text.AsMemory(sequence.Length, width), logits, Cancel);

                var expected = await LogitsOfOneStepAsync(oneStep, text.AsMemory(0, sequence.Length), logits.Length);
                Assert.True(BitsEqual(expected, logits), $"seed {seed}, move {move}: {width} tokens up to {sequence.Length} by chunks of {model.Options.PrefillChunk}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(VerifierModels.Names), MemberType = typeof(VerifierModels))]
    public async Task The_last_token_of_the_context_is_as_exact_as_any(string name)
    {
        var model = await models.LoadAsync(name);
        int context = model.Info.ContextLength;
        var text = RandomText(model, 5, context);
        await using var sequence = (OnnxSequence)await model.OpenAsync(SamplerSpec.Greedy, Cancel);
        await sequence.StepAsync(text.AsMemory(0, context - 3), Memory<Pick>.Empty, Cancel);
        var logits = new float[model.Info.VocabularySize];
        while (sequence.Length < context)
            await sequence.StepAsync(text.AsMemory(sequence.Length, 1), logits, Cancel);

        Assert.Equal(await LogitsOfOneStepAsync(model, text, logits.Length), logits);
    }

    [Theory]
    [MemberData(nameof(VerifierModels.Names), MemberType = typeof(VerifierModels))]
    public async Task A_wide_step_draws_at_every_place_what_single_steps_draw(string name)
    {
        var model = await models.LoadAsync(name);
        var sampler = new SamplerSpec(Temperature: 0.8f, Seed: 11, TopP: 0.95f, FrequencyPenalty: 0.6f, PresencePenalty: 0.3f, RepetitionPenalty: 1.1f, WrittenFrom: 7);
        var text = RandomText(model, 9, 120);
        await using var single = await model.OpenAsync(sampler, Cancel);
        await using var wide = await model.OpenAsync(sampler, Cancel);
        var expected = new Pick[65];
        await single.StepAsync(text.AsMemory(0, 30), Memory<Pick>.Empty, Cancel);
        for (int i = 0; i < expected.Length; i++)
            await single.StepAsync(text.AsMemory(30 + i, 1), expected.AsMemory(i, 1), Cancel);

        var picks = new Pick[expected.Length];
        await wide.StepAsync(text.AsMemory(0, 30 + picks.Length), picks, Cancel);

        Assert.Equal(expected, picks);
    }

    [Fact]
    public async Task A_step_beyond_the_context_says_how_many_tokens_fit_and_changes_nothing()
    {
        var model = await models.LoadAsync("genai/llama-fp32");
        await using var sequence = await model.OpenAsync(SamplerSpec.Greedy, Cancel);
        await sequence.StepAsync(RandomText(model, 1, 500), Memory<Pick>.Empty, Cancel);

        var e = await Assert.ThrowsAsync<ContextOverflowException>(async () => await sequence.StepAsync(new int[13], Memory<Pick>.Empty, Cancel));

        Assert.Equal((513, 512, 500), (e.Wanted, e.ContextLength, sequence.Length));
    }

    [Fact]
    public async Task A_shortened_context_is_the_models_context()
    {
        await using var model = await OnnxModel.LoadAsync(
            Assets.Data("genai/qwen2-fp32"), new OnnxModelOptions { ContextLength = 50, MinimumRows = 2 }, cancellationToken: Cancel);
        await using var sequence = await model.OpenAsync(SamplerSpec.Greedy, Cancel);
        await sequence.StepAsync(RandomText(model, 1, 50), Memory<Pick>.Empty, Cancel);

        Assert.Equal(50, model.Info.ContextLength);
        await Assert.ThrowsAsync<ContextOverflowException>(async () => await sequence.StepAsync(new[] { 1 }, Memory<Pick>.Empty, Cancel));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(512)]
    public async Task An_id_outside_the_vocabulary_never_reaches_the_engine(int token)
    {
        var model = await models.LoadAsync("genai/llama-fp32");
        await using var sequence = await model.OpenAsync(SamplerSpec.Greedy, Cancel);

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await sequence.StepAsync(new[] { 1, token }, Memory<Pick>.Empty, Cancel));

        Assert.Equal(0, sequence.Length);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.8f, 1)]
    [InlineData(0.8f, 0.9f)]
    public async Task Steps_allocate_nothing_once_their_shapes_were_seen(float temperature, float topP)
    {
        var model = await models.LoadAsync("genai/qwen2-fp32");
        using var source = new CancellationTokenSource();
        await using var sequence = await model.OpenAsync(new SamplerSpec(temperature, Seed: 3, TopP: topP), Cancel);
        var text = RandomText(model, 3, 200);
        var picks = new Pick[5];
        void Round()
        {
            for (int i = 0; i < 10; i++)
            {
                Complete(sequence.StepAsync(text.AsMemory(sequence.Length, 5), picks, source.Token));
                Complete(sequence.RewindAsync(sequence.Length - 3, source.Token));
                Complete(sequence.StepAsync(text.AsMemory(sequence.Length, 1), picks.AsMemory(0, 1), source.Token));
            }

            Complete(sequence.RewindAsync(0, source.Token));
        }

        Round();
        Round();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10; i++)
            Round();

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public async Task A_step_cancelled_between_or_inside_its_passes_leaves_the_text_as_it_was()
    {
        var model = await models.LoadAsync("genai/qwen2-fp32");
        var text = RandomText(model, 7, model.Info.ContextLength);
        await using var sequence = (OnnxSequence)await model.OpenAsync(SamplerSpec.Greedy, Cancel);
        await sequence.StepAsync(text.AsMemory(0, 20), Memory<Pick>.Empty, Cancel);
        int cancelled = 0;
        for (int i = 0; i < 40; i++)
        {
            using var source = new CancellationTokenSource();
            var canceller = Task.Run(() => { Thread.SpinWait(i * 500); source.Cancel(); }, Cancel);
            try
            {
                await sequence.StepAsync(text.AsMemory(20, 450), Memory<Pick>.Empty, source.Token);
                Assert.Equal(470, sequence.Length);
                await sequence.RewindAsync(20, Cancel);
            }
            catch (OperationCanceledException)
            {
                Assert.Equal(20, sequence.Length);
                cancelled++;
            }

            await canceller;
        }

        var logits = new float[model.Info.VocabularySize];
        await sequence.StepAsync(text.AsMemory(20, 30), logits, Cancel);
        Assert.InRange(cancelled, 1, 40);
        Assert.Equal(await LogitsOfOneStepAsync(model, text.AsMemory(0, 50), logits.Length), logits);
    }

    [Fact]
    public async Task A_cancelled_token_stops_a_step_before_its_first_pass()
    {
        var model = await models.LoadAsync("genai/qwen2-fp32");
        await using var sequence = await model.OpenAsync(SamplerSpec.Greedy, Cancel);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await sequence.StepAsync(new[] { 1 }, Memory<Pick>.Empty, new CancellationToken(canceled: true)));

        Assert.Equal(0, sequence.Length);
    }

    [Theory]
    [MemberData(nameof(VerifierModels.Names), MemberType = typeof(VerifierModels))]
    public async Task Eight_texts_at_once_are_each_what_they_are_alone(string name)
    {
        var model = await models.LoadAsync(name);
        var prompts = Enumerable.Range(0, 8).Select(i => RandomText(model, 100 + i, 10 + 37 * i)).ToArray();
        var alone = new List<int[]>();
        foreach (var prompt in prompts)
            alone.Add(await Continuation.GreedyAsync(model, prompt, 40, Cancel));

        var together = await Task.WhenAll(prompts.Select(p => Task.Run(() => Continuation.GreedyAsync(model, p, 40, Cancel), Cancel)));

        Assert.Equal(alone, together);
    }

    [Fact]
    public async Task A_second_step_of_a_sequence_at_the_same_time_is_refused()
    {
        await using var model = await OnnxModel.LoadAsync(
            Assets.Data("genai/qwen2-fp32"), new OnnxModelOptions { ConcurrentPasses = 1, SelfTest = false }, cancellationToken: Cancel);
        await using var sequence = await model.OpenAsync(SamplerSpec.Greedy, Cancel);
        Assert.True(model.TryTakeTurn(Cancel));
        var first = sequence.StepAsync(new[] { 1 }, Memory<Pick>.Empty, Cancel);

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await sequence.StepAsync(new[] { 2 }, Memory<Pick>.Empty, Cancel));

        model.EndTurn();
        await first;
        Assert.Equal(1, sequence.Length);
    }

    [Fact]
    public async Task Disposing_a_model_and_its_sequences_waits_for_the_step_under_way()
    {
        var model = await OnnxModel.LoadAsync(
            Assets.Data("genai/qwen2-fp32"), new OnnxModelOptions { ConcurrentPasses = 1, SelfTest = false }, cancellationToken: Cancel);
        var sequence = await model.OpenAsync(SamplerSpec.Greedy, Cancel);
        Assert.True(model.TryTakeTurn(Cancel));
        var step = sequence.StepAsync(new[] { 1 }, Memory<Pick>.Empty, Cancel);
        await sequence.DisposeAsync();
        var disposal = model.DisposeAsync();
        Assert.False(disposal.IsCompleted);

        model.EndTurn();
        await step;
        await disposal;

        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await sequence.StepAsync(new[] { 1 }, Memory<Pick>.Empty, Cancel));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await model.OpenAsync(SamplerSpec.Greedy, Cancel));
    }

    [Fact]
    public async Task A_disposed_sequence_gives_its_memory_to_the_next()
    {
        var model = await models.LoadAsync("genai/qwen2-fp32");
        var sequence = await model.OpenAsync(SamplerSpec.Greedy, Cancel);
        await sequence.StepAsync(new[] { 1, 2, 3 }, Memory<Pick>.Empty, Cancel);
        await sequence.DisposeAsync();
        var cache = model.Caches.Rent(10);
        model.Caches.Return(cache);
        var next = model.Caches.Rent(256);

        Assert.Same(cache, next);
        Assert.Equal([1, 2, 3], next.Text[..3]);
        Assert.NotEqual(next.Capacity, model.Caches.Rent(257).Capacity);
        model.Caches.Return(next);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await sequence.StepAsync(new[] { 1 }, Memory<Pick>.Empty, Cancel));
    }

    private static void Complete(ValueTask step)
    {
        if (!step.IsCompletedSuccessfully)
            step.AsTask().GetAwaiter().GetResult();
    }

    private static async Task<float[]> LogitsOfOneStepAsync(OnnxModel model, ReadOnlyMemory<int> text, int count)
    {
        await using var sequence = (OnnxSequence)await model.OpenAsync(SamplerSpec.Greedy, Cancel);
        var logits = new float[count];
        await sequence.StepAsync(text, logits, Cancel);
        return logits;
    }

    private static bool BitsEqual(float[] left, float[] right) => MemoryMarshal.AsBytes<float>(left).SequenceEqual(MemoryMarshal.AsBytes<float>(right));

    private static int[] RandomText(OnnxModel model, int seed, int length)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(model.Info.VocabularySize))];
    }
}
