using System.Diagnostics;
using System.Numerics.Tensors;
using System.Text.Json.Nodes;
using EdgeSdk.Decoding;
using EdgeSdk.Runtime;
using EdgeSdk.Sampling;
using static TorchSharp.torch;

namespace EdgeSdk.Distillation;

/// <summary>Whether what is shipped computes what was trained: the graph's logits against TorchSharp's, both in float32 on the checkpoint's weights.</summary>
internal static class Check
{
    /// <summary>The most that a logit may differ: rounding in another order comes to some hundred thousandths.</summary>
    public const double Tolerance = 1e-3;

    private const int Rows = 32, Steps = 300;

    /// <summary>Compares all logits of a text.</summary>
    /// <exception cref="EdgeException">They differ by more than <see cref="Tolerance"/>.</exception>
    public static async Task<JsonObject> CompareAsync(LanguageModel trained, OnnxModel shipped, int[] ids, CancellationToken cancellationToken)
    {
        float[] expected = Logits(trained, ids);
        var logits = new float[Rows * Vocabulary.Size];
        await using var sequence = new OnnxSequence(shipped, SamplerSpec.Greedy);
        double most = 0;
        int sameChoice = 0;
        for (int at = 0; at < ids.Length; at += Rows)
        {
            int rows = Math.Min(Rows, ids.Length - at);
            await sequence.StepAsync(ids.AsMemory(at, rows), logits.AsMemory(0, rows * Vocabulary.Size), cancellationToken);
            for (int row = 0; row < rows; row++)
            {
                ReadOnlySpan<float> own = logits.AsSpan(row * Vocabulary.Size, Vocabulary.Size), reference = expected.AsSpan((at + row) * Vocabulary.Size, Vocabulary.Size);
                most = Math.Max(most, MostApart(own, reference));
                sameChoice += TensorPrimitives.IndexOfMax(own) == TensorPrimitives.IndexOfMax(reference) ? 1 : 0;
            }
        }

        if (!(most <= Tolerance))
        {
            throw new EdgeException(
                EdgeErrorCode.Engine,
                $"{shipped.Info.Name}: a logit of the graph differs by {most:G3} from the trained model's, over {Tolerance}. Convert the checkpoint again; if that does not help, converter and trainer disagree about the architecture.");
        }

        return new JsonObject { ["tokens"] = ids.Length, ["most_apart"] = most, ["tolerance"] = Tolerance, ["same_choice"] = sameChoice };
    }

    /// <summary>The median time of a step of one token, in milliseconds.</summary>
    public static async Task<double> StepMillisecondsAsync(OnnxModel model, int[] prompt, CancellationToken cancellationToken)
    {
        await using ISequence sequence = await model.OpenAsync(SamplerSpec.Greedy, cancellationToken);
        var pick = new Pick[1];
        await sequence.StepAsync(prompt, pick, cancellationToken);
        var milliseconds = new List<double>();
        while (milliseconds.Count < Steps)
        {
            long start = Stopwatch.GetTimestamp();
            await sequence.StepAsync(new[] { pick[0].Token }, pick, cancellationToken);
            milliseconds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return Math.Round(milliseconds.Order().ElementAt(Steps / 2), 3);
    }

    private static float[] Logits(LanguageModel trained, int[] ids)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return trained.Logits(trained.Hidden(tensor(ids, [1, ids.Length]).to(ScalarType.Int64))).data<float>().ToArray();
    }

    private static double MostApart(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        double most = 0;
        for (int i = 0; i < left.Length; i++) most = Math.Max(most, Math.Abs((double)left[i] - right[i]));
        return most;
    }
}
