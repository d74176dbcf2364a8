using System.Diagnostics;
using System.Runtime.InteropServices;
using EdgeSdk.Decoding;
using EdgeSdk.Sampling;

namespace EdgeSdk.Runtime;

/// <summary>
/// Finds out at load what a model does on this processor: from which width on the width of a pass leaves no trace in the logits, and what passes cost.
/// Kernels differ between processors and versions of the runtime, so neither is taken on trust.
/// </summary>
internal sealed class SelfTest : IAsyncDisposable
{
    /// <summary>Rows whose logits one step of the test compares.</summary>
    public const int Rows = 39;

    private const int Prefix = 16, Repetitions = 5;

    /// <summary>A pass of one row comes last: where its logits differ, so do the keys and values that it leaves behind.</summary>
    private static readonly int[] ComparedWidths = [2, 4, 8, 16, 3, 5, 1];

    private static readonly TimeSpan ChunkBudget = TimeSpan.FromMilliseconds(250), TimingBudget = TimeSpan.FromMilliseconds(250);

    private readonly OnnxModel _model;
    private readonly OnnxSequence _sequence;
    private readonly int[] _text;

    private SelfTest(OnnxModel model)
    {
        _model = model;
        _sequence = new OnnxSequence(model, SamplerSpec.Greedy);
        _text = new int[Math.Min(model.Info.ContextLength, model.Options.PrefillChunk + 24)];
        for (int i = 0; i < _text.Length; i++)
            _text[i] = (int)((i * 2_654_435_761L + 97) % model.Info.VocabularySize);
    }

    /// <summary>Runs the test; big models are compared on narrow passes only and timed fewer times.</summary>
    public static async Task<StepTraits> RunAsync(OnnxModel model, CancellationToken cancellationToken)
    {
        var test = new SelfTest(model);
        await using var _ = test.ConfigureAwait(false);
        if (test._text.Length < Rows)
            return model.Traits;

        int exactFrom = await test.CompareWidthsAsync(cancellationToken).ConfigureAwait(false);
        var cost = await test.TimeWidthsAsync(cancellationToken).ConfigureAwait(false);
        if (exactFrom > 0 && !await test.ChunksAgreeAsync(cost, cancellationToken).ConfigureAwait(false))
            exactFrom = 0;

        return model.Traits with { ExactFrom = exactFrom, Cost = cost };
    }

    public ValueTask DisposeAsync() => _sequence.DisposeAsync();

    /// <summary>The least width from which passes agree bit for bit with one pass over the whole text; 0 where none does.</summary>
    private async Task<int> CompareWidthsAsync(CancellationToken cancellationToken)
    {
        var expected = await LogitsAsync([Rows], Rows, cancellationToken).ConfigureAwait(false);
        int row = 0, exactFrom = 0;
        await _sequence.RewindAsync(0, cancellationToken).ConfigureAwait(false);
        foreach (int width in ComparedWidths)
        {
            var logits = new float[width * _model.Info.VocabularySize];
            await _sequence.StepAsync(_text.AsMemory(row, width), logits, cancellationToken).ConfigureAwait(false);
            if (!BitsEqual(logits, expected.AsSpan(row * _model.Info.VocabularySize, logits.Length)))
                break;

            row += width;
            exactFrom = row == Rows ? 1 : row == Rows - 1 ? 2 : 0;
        }

        return exactFrom == 0 ? 0 : Math.Max(exactFrom, _model.Options.MinimumRows);
    }

    /// <summary>Seconds of passes over 1, 2, 4, 8 and 16 tokens, every token with its pick: the least of a few, since whatever else runs on the machine adds to it.</summary>
    private async Task<StepCost> TimeWidthsAsync(CancellationToken cancellationToken)
    {
        int widths = 1 + (int)Math.Log2(Math.Min(16, _model.Options.MaxStep));
        var seconds = Enumerable.Range(0, widths).Select(_ => new List<double>()).ToArray();
        var picks = new Pick[16];
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < Repetitions * widths && (i < widths || Stopwatch.GetElapsedTime(start) < TimingBudget); i++)
        {
            int width = 1 << (i % widths);
            await _sequence.RewindAsync(Prefix, cancellationToken).ConfigureAwait(false);
            long began = Stopwatch.GetTimestamp();
            await _sequence.StepAsync(_text.AsMemory(Prefix, width), picks.AsMemory(0, width), cancellationToken).ConfigureAwait(false);
            seconds[i % widths].Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
        }

        return new StepCost([.. seconds.Select(s => (float)s.Min())]);
    }

    /// <summary>Whether a prompt leaves the same behind, whatever the chunks that it is taken in by: as wide ones as the budget allows.</summary>
    private async Task<bool> ChunksAgreeAsync(StepCost cost, CancellationToken cancellationToken)
    {
        int chunk = _text.Length - 24;
        while (chunk > 16 && 2 * cost.Pass(chunk) > ChunkBudget.TotalSeconds)
            chunk /= 2;

        if (chunk <= 16)
            return true; // as wide a pass was compared above

        var whole = await LogitsAsync([chunk, 24], 1, cancellationToken).ConfigureAwait(false);
        var shifted = await LogitsAsync([chunk - 7, 31], 1, cancellationToken).ConfigureAwait(false);
        return BitsEqual(whole, shifted);
    }

    /// <summary>The logits of the last <paramref name="rows"/> rows of a text that is taken in by steps of these widths.</summary>
    private async Task<float[]> LogitsAsync(int[] widths, int rows, CancellationToken cancellationToken)
    {
        var logits = new float[rows * _model.Info.VocabularySize];
        await _sequence.RewindAsync(0, cancellationToken).ConfigureAwait(false);
        foreach (int width in widths[..^1])
            await _sequence.StepAsync(_text.AsMemory(_sequence.Length, width), Memory<Pick>.Empty, cancellationToken).ConfigureAwait(false);

        await _sequence.StepAsync(_text.AsMemory(_sequence.Length, widths[^1]), logits, cancellationToken).ConfigureAwait(false);
        return logits;
    }

    private static bool BitsEqual(ReadOnlySpan<float> left, ReadOnlySpan<float> right) =>
        MemoryMarshal.AsBytes(left).SequenceEqual(MemoryMarshal.AsBytes(right));
}
