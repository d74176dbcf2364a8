using System.Numerics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace EdgeSdk.Distillation;

/// <summary>AdamW (Loshchilov and Hutter, arXiv 1711.05101) in one pass over memory for each parameter, gradients cleared on the way.</summary>
internal sealed class AdamW(Weights weights)
{
    private const float Beta1 = 0.9f, Beta2 = 0.98f, Epsilon = 1e-8f, WeightDecay = 0.05f, ClipNorm = 1;

    private readonly Dictionary<string, Moments> _moments = [];

    /// <summary>A parameter's running mean of the gradient and of its square, and the steps that it took.</summary>
    private sealed class Moments(int size)
    {
        public float[] Mean { get; } = new float[size];

        public float[] Square { get; } = new float[size];

        public int Steps { get; set; }
    }

    /// <summary>Moves every parameter that has a gradient.</summary>
    /// <returns>The norm of all gradients before clipping.</returns>
    public double Step(double learningRate)
    {
        (string Name, Tensor Parameter, Tensor Gradient)[] moved =
            [.. weights.Tensors.Where(t => t.Value.requires_grad && t.Value.grad is not null).Select(t => (t.Key, t.Value, t.Value.grad!.contiguous()))];
        double norm = Math.Sqrt(moved.Sum(m => (double)TensorPrimitives.SumOfSquares<float>(Floats(m.Gradient))));
        if (!double.IsFinite(norm)) throw new EdgeException(EdgeErrorCode.Engine, $"The gradient's norm is {norm}: the learning rate {learningRate} is too high.");
        float clip = (float)Math.Min(1, ClipNorm / (norm + 1e-6));
        foreach (var (name, _, gradient) in moved)
        {
            if (!_moments.ContainsKey(name)) _moments[name] = new Moments((int)gradient.numel());
        }

        Parallel.ForEach(moved, m => Move(Floats(m.Parameter), Floats(m.Gradient), _moments[m.Name], clip, (float)learningRate, m.Parameter.dim() > 1));
        return norm;
    }

    /// <summary>The state as tensors by name, for a resume.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> Save()
    {
        foreach ((string name, Moments moments) in _moments)
        {
            yield return (name + ".mean", tensor(moments.Mean));
            yield return (name + ".square", tensor(moments.Square));
            yield return (name + ".steps", tensor(new[] { (float)moments.Steps }));
        }
    }

    /// <summary>Takes the state back from <see cref="Save"/>'s tensors.</summary>
    public void Load(IReadOnlyDictionary<string, Tensor> state)
    {
        foreach (string name in weights.Tensors.Keys.Where(n => state.ContainsKey(n + ".steps")))
        {
            var moments = new Moments((int)weights[name].numel()) { Steps = (int)state[name + ".steps"].data<float>()[0] };
            Floats(state[name + ".mean"]).CopyTo(moments.Mean);
            Floats(state[name + ".square"]).CopyTo(moments.Square);
            _moments[name] = moments;
        }
    }

    private static Span<float> Floats(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);

    private static void Move(Span<float> parameter, Span<float> gradient, Moments moments, float clip, float learningRate, bool decays)
    {
        moments.Steps++;
        float correction1 = 1 - MathF.Pow(Beta1, moments.Steps), correction2 = 1 - MathF.Pow(Beta2, moments.Steps);
        float rate = learningRate / correction1, keep = decays ? 1 - learningRate * WeightDecay : 1, root = 1 / MathF.Sqrt(correction2);
        Span<float> mean = moments.Mean, square = moments.Square;
        int i = 0, width = Vector<float>.Count;
        for (; i <= parameter.Length - width; i += width)
        {
            var g = new Vector<float>(gradient[i..]) * clip;
            var m = new Vector<float>(mean[i..]) * Beta1 + g * (1 - Beta1);
            var s = new Vector<float>(square[i..]) * Beta2 + g * g * (1 - Beta2);
            var step = m * rate / (Vector.SquareRoot(s) * root + new Vector<float>(Epsilon));
            m.CopyTo(mean[i..]);
            s.CopyTo(square[i..]);
            (new Vector<float>(parameter[i..]) * keep - step).CopyTo(parameter[i..]);
        }

        for (; i < parameter.Length; i++)
        {
            float g = gradient[i] * clip;
            mean[i] = mean[i] * Beta1 + g * (1 - Beta1);
            square[i] = square[i] * Beta2 + g * g * (1 - Beta2);
            parameter[i] = parameter[i] * keep - mean[i] * rate / (MathF.Sqrt(square[i]) * root + Epsilon);
        }

        gradient.Clear();
    }
}
