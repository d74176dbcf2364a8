using static TorchSharp.torch;

namespace EdgeSdk.Distillation;

/// <summary>A model's parameters by Hugging Face's names, and the few layers that both models are made of.</summary>
/// <remarks>
/// Masters are float32. Products are computed in bfloat16 (<see cref="ProductType"/>), which AVX-512 does at twice the rate, and added up in float32;
/// what is summed or normalised stays float32. A frozen copy (<see cref="Freeze"/>) holds its matrices in bfloat16, so that a teacher casts nothing.
/// </remarks>
internal sealed class Weights : IDisposable
{
    private readonly SortedDictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);

    /// <summary>Every tensor by name, in ordinal order.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors => _tensors;

    public Tensor this[string name] => _tensors[name];

    /// <summary>The type that products are computed in.</summary>
    public ScalarType ProductType { get; set; } = ScalarType.BFloat16;

    /// <summary>The number of parameters.</summary>
    public long Count => _tensors.Values.Sum(t => t.numel());

    /// <summary>Adds a matrix drawn from a normal distribution; a deviation of 0 gives zeros.</summary>
    public void AddMatrix(string name, double deviation, Generator generator, params long[] shape) =>
        _tensors[name] = (deviation == 0 ? zeros(shape) : randn(shape, generator: generator).mul_(deviation)).requires_grad_().DetachFromDisposeScope();

    /// <summary>Adds the scale of a normalisation.</summary>
    public void AddScale(string name, long size) => _tensors[name] = ones(size).requires_grad_().DetachFromDisposeScope();

    /// <summary>Adds a vector that no gradient moves.</summary>
    public void AddFixed(string name, long size) => _tensors[name] = zeros(size).DetachFromDisposeScope();

    /// <summary>x W^T.</summary>
    public Tensor Linear(Tensor x, string name) => nn.functional.linear(x.to(ProductType), _tensors[name].to(ProductType)).to(ScalarType.Float32);

    /// <summary>Rows of a table [rows, width] by index, [..., width].</summary>
    public static Tensor Rows(Tensor table, Tensor index) =>
        table.index_select(0, index.flatten()).view([.. index.shape, table.shape[1]]);

    /// <summary>x / sqrt(mean(x^2) + 1e-6) * scale, over the last dimension.</summary>
    public Tensor RmsNorm(Tensor x, string name) =>
        x * (x * x).mean([-1], keepdim: true).add_(1e-6).rsqrt_() * _tensors[name];

    /// <summary>down(silu(gate x) * up x).</summary>
    public Tensor SwiGlu(Tensor x, string prefix) =>
        Linear(nn.functional.silu(Linear(x, prefix + "gate_proj.weight")) * Linear(x, prefix + "up_proj.weight"), prefix + "down_proj.weight");

    /// <summary>Causal attention written out: fused kernels are slow on a CPU. Queries and keys [batch, heads, n, d], values [batch, heads, n, v].</summary>
    /// <returns>[batch, n, heads * v].</returns>
    public Tensor CausalAttention(Tensor q, Tensor k, Tensor v, double scale, Tensor mask)
    {
        Tensor scores = matmul((q * scale).to(ProductType), k.to(ProductType).transpose(-1, -2)).to(ScalarType.Float32);
        Tensor weights = nn.functional.softmax(scores.add_(mask), -1);
        Tensor mixed = matmul(weights.to(ProductType), v.to(ProductType)).to(ScalarType.Float32);
        return mixed.transpose(1, 2).flatten(2);
    }

    /// <summary>0 where a row may look, minus infinity in its future; [n, n].</summary>
    public static Tensor CausalMask(long n) => full(n, n, float.NegativeInfinity).triu_(1);

    /// <summary>Cosines and sines of rotary embeddings, [n, dimensions / 2].</summary>
    public static (Tensor Cos, Tensor Sin) Rotary(long n, long dimensions, double theta)
    {
        Tensor frequency = pow(theta, arange(0, dimensions, 2, dtype: ScalarType.Float32) / -dimensions);
        Tensor angle = outer(arange(n, dtype: ScalarType.Float32), frequency);
        return (angle.cos(), angle.sin());
    }

    /// <summary>A copy for inference alone, matrices in bfloat16.</summary>
    public Weights Freeze()
    {
        var frozen = new Weights();
        using var _ = no_grad();
        foreach ((string name, Tensor tensor) in _tensors)
        {
            ScalarType type = tensor.dim() > 1 ? ScalarType.BFloat16 : ScalarType.Float32;
            frozen._tensors[name] = tensor.detach().to(type, copy: true).DetachFromDisposeScope();
        }

        return frozen;
    }

    public void Dispose()
    {
        foreach (Tensor tensor in _tensors.Values) tensor.Dispose();
    }
}
