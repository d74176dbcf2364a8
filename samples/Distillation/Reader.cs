using EdgeSdk.Decoding;
using EdgeSdk.Runtime;
using EdgeSdk.Sampling;

namespace EdgeSdk.Distillation;

/// <summary>A model that answers one turn after the other; what one prompt has in common with the next is read once.</summary>
/// <remarks>One caller at a time.</remarks>
internal sealed class Reader(OnnxModel model, SamplerSpec sampler) : IAsyncDisposable
{
    /// <summary>Rows of logits that one pass gives here.</summary>
    private const int ScoredRows = 32;

    private readonly Pick[] _pick = new Pick[1];
    private ISequence? _sequence;
    private int[] _prompt = [];

    /// <summary>The model's answer, to its end token or <paramref name="limit"/> tokens.</summary>
    public async Task<Pick[]> WriteAsync(int[] prompt, int limit, CancellationToken cancellationToken)
    {
        ISequence sequence = await ReadAsync(prompt, cancellationToken);
        List<Pick> written = [_pick[0]];
        while (written.Count < limit && !model.Info.EndTokens.Contains(written[^1].Token))
        {
            await sequence.StepAsync(new[] { written[^1].Token }, _pick, cancellationToken);
            written.Add(_pick[0]);
        }

        return [.. written];
    }

    /// <summary>For each token of another's answer what the model itself would have chosen there.</summary>
    public async Task<Pick[]> FollowAsync(int[] prompt, int[] answer, CancellationToken cancellationToken)
    {
        ISequence sequence = await ReadAsync(prompt, cancellationToken);
        List<Pick> choices = [_pick[0]];
        while (choices.Count < answer.Length)
        {
            var picks = new Pick[Math.Min(model.Traits.MaxStep, answer.Length - choices.Count)];
            await sequence.StepAsync(answer.AsMemory(choices.Count - 1, picks.Length), picks, cancellationToken);
            choices.AddRange(picks);
        }

        return [.. choices];
    }

    /// <summary>How a model does on a whole text.</summary>
    public static async Task<Foresight> ScoreAsync(OnnxModel model, int[] ids, CancellationToken cancellationToken)
    {
        await using var sequence = new OnnxSequence(model, SamplerSpec.Greedy);
        var foresight = new Foresight(ids.Length - 1);
        var logits = new float[ScoredRows * model.Info.VocabularySize];
        for (int at = 0; at < ids.Length - 1; at += ScoredRows)
        {
            int rows = Math.Min(ScoredRows, ids.Length - 1 - at);
            Memory<float> wanted = logits.AsMemory(0, rows * model.Info.VocabularySize);
            await sequence.StepAsync(ids.AsMemory(at, rows), wanted, cancellationToken);
            for (int row = 0; row < rows; row++)
            {
                foresight.Set(at + row, wanted.Span.Slice(row * model.Info.VocabularySize, model.Info.VocabularySize), ids[at + row + 1]);
            }
        }

        return foresight;
    }

    public ValueTask DisposeAsync() => _sequence?.DisposeAsync() ?? ValueTask.CompletedTask;

    private async Task<ISequence> ReadAsync(int[] prompt, CancellationToken cancellationToken)
    {
        _sequence ??= await model.OpenAsync(sampler, cancellationToken);
        int known = Math.Min(_prompt.AsSpan().CommonPrefixLength(prompt), prompt.Length - 1);
        await _sequence.RewindAsync(known, cancellationToken);
        await _sequence.StepAsync(prompt.AsMemory(known), _pick, cancellationToken);
        _prompt = prompt;
        return _sequence;
    }
}
