using static TorchSharp.torch;

namespace EdgeSdk.Distillation;

/// <summary>Token sequences with a weight for each prediction.</summary>
/// <param name="rows">Sequences.</param>
/// <param name="length">Predictions a sequence; it has one token more.</param>
internal sealed class Batch(int rows, int length)
{
    /// <summary>[rows, length + 1].</summary>
    public int[] Ids { get; } = new int[rows * (length + 1)];

    /// <summary>[rows, length]: what predicting the token at column + 1 counts.</summary>
    public float[] Weights { get; } = new float[rows * length];

    /// <summary>Tokens of input.</summary>
    public int Tokens => rows * length;

    /// <summary>[rows, length].</summary>
    public Tensor Inputs() => All().narrow(1, 0, length);

    /// <summary>[rows, length].</summary>
    public Tensor Targets() => All().narrow(1, 1, length);

    /// <summary>[rows, length].</summary>
    public Tensor WeightTensor() => tensor(Weights, [rows, length]);

    private Tensor All() => tensor(Ids, [rows, length + 1]).to(ScalarType.Int64);
}
