using System.Numerics.Tensors;

namespace EdgeSdk.Sampling;

/// <summary>What is told about a choice, not what decides it: single precision, in any order.</summary>
internal static class Softmax
{
    private const int Chunk = 512;

    /// <summary>Sum of e^((x - greatest) / temperature).</summary>
    public static double SumOfExp(ReadOnlySpan<float> logits, float greatest, float temperature)
    {
        Span<float> weights = stackalloc float[Chunk];
        double sum = 0;
        for (; !logits.IsEmpty; logits = logits[Math.Min(Chunk, logits.Length)..])
        {
            var chunk = weights[..Math.Min(Chunk, logits.Length)];
            Exp(logits[..chunk.Length], greatest, temperature, chunk);
            sum += TensorPrimitives.Sum<float>(chunk);
        }

        return sum;
    }

    /// <summary>e^((x - greatest) / temperature), into <paramref name="weights"/>.</summary>
    public static void Exp(ReadOnlySpan<float> logits, float greatest, float temperature, Span<float> weights)
    {
        TensorPrimitives.Subtract(logits, greatest, weights);
        if (temperature != 1)
            TensorPrimitives.Divide(weights, temperature, weights);

        TensorPrimitives.Exp<float>(weights, weights);
    }
}
