using static TorchSharp.torch;

namespace EdgeSdk.Distillation;

/// <summary>
/// Starts a model with an induction circuit (Olsson et al., arXiv 2209.11895) in place instead of waiting for it to emerge. A head of the first
/// layer looks at the token before and writes its embedding into a subspace U; heads of the next layers compare their own token with what lies
/// in U, and so find where it stood before and what came next, which they read and add to the logits. Training is free to move all of it.
/// </summary>
internal sealed class InductionStart
{
    /// <summary>Dimensions of the subspaces: a head's width.</summary>
    private const int Width = 32;

    /// <summary>Layers after the first that carry a matching head, each copying through a subspace of its own.</summary>
    public const int MatchingLayers = 3;

    /// <summary>The fastest rotary pairs tell the token before from its neighbours; their weights.</summary>
    private static readonly double[] s_pairWeights = [3, 2, 1];

    private readonly Tensor[] _copies;

    /// <summary>Draws the subspaces and gives the embeddings a common direction, by which a head can attend to a place whatever its token.</summary>
    public InductionStart(Tensor embeddings, Generator generator)
    {
        long hidden = embeddings.shape[1];
        Tensor basis = linalg.qr(randn(hidden, 1 + 2 * Width, generator: generator)).Q.t();
        Common = basis[0];
        Current = basis.narrow(0, 1, Width);
        Previous = basis.narrow(0, 1 + Width, Width);
        _copies = [.. Enumerable.Range(0, MatchingLayers).Select(_ => Apart(randn(Width, hidden, generator: generator)))];
        embeddings.copy_(Apart(embeddings) + Common * 0.8);
    }

    /// <summary>The embeddings' common direction, [hidden].</summary>
    public Tensor Common { get; }

    /// <summary>What a token is compared by, [32, hidden], orthonormal rows.</summary>
    public Tensor Current { get; }

    /// <summary>U: where the token before is written, [32, hidden], orthonormal rows.</summary>
    public Tensor Previous { get; }

    /// <summary>What the matching head of layer 1, 2 or 3 copies, [32, hidden], orthonormal rows.</summary>
    public Tensor Copy(int layer) => _copies[layer - 1];

    /// <summary>Key and query, [dimensions], whose product after rotation is greatest one position back; even and odd parts of pair i by index.</summary>
    public static (Tensor Key, Tensor Query) LookBack(int dimensions, double theta, Func<int, (int Even, int Odd)> places)
    {
        float[] key = new float[dimensions], query = new float[dimensions];
        for (int i = 0; i < s_pairWeights.Length; i++)
        {
            double frequency = Math.Pow(theta, -2.0 * i / dimensions), amplitude = Math.Sqrt(s_pairWeights[i]);
            (int even, int odd) = places(i);
            key[even] = (float)amplitude;
            query[even] = (float)(amplitude * Math.Cos(frequency));
            query[odd] = (float)(-amplitude * Math.Sin(frequency));
        }

        return (tensor(key), tensor(query));
    }

    /// <summary>Without the parts along U and the common direction, rows of a copy's subspace orthonormal again.</summary>
    private Tensor Apart(Tensor rows)
    {
        Tensor apart = rows - rows.matmul(Previous.t()).matmul(Previous) - rows.matmul(Common.unsqueeze(1)) * Common;
        return rows.shape[0] == Width ? linalg.qr(apart.t()).Q.t() : apart;
    }
}
