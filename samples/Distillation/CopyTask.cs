using TorchSharp;
using static TorchSharp.torch;

namespace EdgeSdk.Distillation;

/// <summary>
/// Synthetic sequences in which random segments are repeated: what a model must learn before it can put a user's words into a call. Tokens are
/// drawn from the whole vocabulary, so that a segment's continuation is unambiguous, which is what lets the skill emerge within minutes.
/// </summary>
/// <param name="twins">Id to id, both ways: words with the blank before them and without. A user writes " San Jose", JSON has "San Jose".</param>
internal sealed class CopyTask(IReadOnlyDictionary<int, int> twins)
{
    private readonly int[] _withTwin = [.. twins.Keys.Order()];

    /// <summary>A batch [rows, length] of which the repeated parts alone count.</summary>
    /// <param name="longestGap">The most tokens between a segment and its repetition.</param>
    public Batch Draw(Random random, int rows, int length, int longestGap)
    {
        var batch = new Batch(rows, length);
        for (int row = 0; row < rows; row++)
            Fill(random, batch.Ids.AsSpan(row * (length + 1), length + 1), batch.Weights.AsSpan(row * length, length), longestGap);

        return batch;
    }

    /// <summary>The share of repeated tokens that are the model's first choice, over fixed sequences.</summary>
    public double Score(LanguageModel model, int length = 64, int longestGap = 7, int parts = 8)
    {
        using var _ = no_grad();
        var random = new Random(1);
        double right = 0, all = 0;
        for (int part = 0; part < parts; part++)
        {
            using var scope = NewDisposeScope();
            Batch batch = Draw(random, 4, length, longestGap);
            Tensor best = model.Logits(model.Hidden(batch.Inputs())).argmax(-1).flatten();
            Tensor counted = batch.WeightTensor().flatten().gt(0);
            right += (best.eq(batch.Targets().flatten()) & counted).sum().ToDouble();
            all += counted.sum().ToDouble();
        }

        return right / all;
    }

    private void Fill(Random random, Span<int> ids, Span<float> weights, int longestGap)
    {
        int at = 0;
        while (at < ids.Length)
        {
            int segment = random.Next(6, 25), gap = random.Next(longestGap + 1), start = at;
            if (ids.Length - at < 2 * segment + gap && at > 0)
            {
                while (at < ids.Length) ids[at++] = Any(random);
                return;
            }

            for (int i = 0; i < segment + gap && at < ids.Length; i++) ids[at++] = Any(random);
            if (random.Next(2) == 0 && _withTwin.Length > 0) ids[start] = _withTwin[random.Next(_withTwin.Length)];
            bool turned = random.Next(2) == 0;
            for (int i = 0; i < segment && at < ids.Length; i++, at++)
            {
                ids[at] = i == 0 && turned && twins.TryGetValue(ids[start], out int twin) ? twin : ids[start + i];
                if (i > 0) weights[at - 1] = 1;
            }
        }
    }

    private static int Any(Random random) => random.Next(Vocabulary.FirstByte, Vocabulary.Size);
}
