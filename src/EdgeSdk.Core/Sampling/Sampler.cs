using System.Buffers;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace EdgeSdk.Sampling;

/// <summary>
/// Chooses the next token from the logits: a pure function, bit for bit the same on every machine. docs/sampling.md specifies it for other languages and
/// holds test vectors.
/// </summary>
internal static class Sampler
{
    private const int Chunk = 256;

    /// <summary>A score below this errs, rounded to single precision, by well less than the 1/1000 that the race allows for.</summary>
    private const double MostCoarse = 4096;

    /// <summary>Chooses the token at <paramref name="place"/>: the best logit at temperature 0, else the best of logit / temperature + noise among the
    /// candidates that top-k, top-p and min-p leave. Ties go to the lower id. Allocates nothing.</summary>
    /// <param name="logits">One row: [vocabulary].</param>
    /// <param name="spec">How to choose; valid (<see cref="SamplerSpec.Validate"/>).</param>
    /// <param name="place">The absolute index of the token that is drawn; the prompt's first token is 0.</param>
    /// <exception cref="EdgeException">Engine: the logits hold NaN or an infinity, or there are none.</exception>
    public static Pick Choose(ReadOnlySpan<float> logits, in SamplerSpec spec, int place) => Choose(logits, logits, spec, place);

    /// <summary>The same by logits that penalties were taken off; the log-probability is told of the <paramref name="raw"/> ones.</summary>
    /// <inheritdoc cref="Choose(ReadOnlySpan{float}, in SamplerSpec, int)"/>
    public static Pick Choose(ReadOnlySpan<float> raw, ReadOnlySpan<float> logits, in SamplerSpec spec, int place)
    {
        ThrowUnlessFinite(logits);
        return Drawn(raw, logits, spec, place);
    }

    /// <summary>The same among the tokens that a constraint allows: the others are gone before any filter.</summary>
    /// <param name="raw">One row: [vocabulary].</param>
    /// <param name="logits">The same, penalties taken off. Those that are not allowed are lost.</param>
    /// <param name="spec">How to choose.</param>
    /// <param name="place">The absolute index of the token that is drawn.</param>
    /// <param name="allowed">A bit a token, at least one of them set; tokens beyond it are not allowed.</param>
    /// <exception cref="EdgeException">Engine: the logits hold NaN or an infinity, or there are none.</exception>
    public static Pick Choose(ReadOnlySpan<float> raw, Span<float> logits, in SamplerSpec spec, int place, ReadOnlySpan<ulong> allowed)
    {
        ThrowUnlessFinite(logits);
        int left = 0;
        for (int word = 0; word * 64 < logits.Length; word++)
        {
            ulong mask = word < allowed.Length ? allowed[word] : 0;
            left += BitOperations.PopCount(mask);
            if (mask == ulong.MaxValue)
                continue;

            var group = logits[(word * 64)..Math.Min(word * 64 + 64, logits.Length)];
            if (mask == 0)
            {
                group.Fill(float.NegativeInfinity);
                continue;
            }

            for (ulong gone = ~mask; gone != 0; gone &= gone - 1)
            {
                int i = BitOperations.TrailingZeroCount(gone);
                if (i < group.Length)
                    group[i] = float.NegativeInfinity;
            }
        }

        return Drawn(raw, logits, spec, place) with { IsForced = left == 1 };
    }

    private static Pick Drawn(ReadOnlySpan<float> raw, ReadOnlySpan<float> logits, in SamplerSpec spec, int place)
    {
        int best = IndexOfBest(logits);
        if (spec.Temperature == 0)
            return Told(raw, best, logits[best] - Greatest(logits[..best], logits[(best + 1)..]));

        var race = new Race(GumbelNoise.At(spec.Seed, place));
        if (spec.TopK == 0 && spec.TopP == 1 && spec.MinP == 0)
            RunAll(logits, spec.Temperature, best, ref race);
        else
            RunFiltered(logits, spec, logits[best], ref race);

        return Told(raw, race.First, (float)(race.Lead * spec.Temperature));
    }

    private static Pick Told(ReadOnlySpan<float> raw, int chosen, float margin)
    {
        float greatest = TensorPrimitives.Max(raw);
        double logSum = Math.Log(Softmax.SumOfExp(raw, greatest, 1));
        return new Pick(chosen, (float)((double)raw[chosen] - greatest - logSum), margin);
    }

    private static void ThrowUnlessFinite(ReadOnlySpan<float> logits)
    {
        if (logits.IsEmpty)
            throw new EdgeException(EdgeErrorCode.Engine, "The engine gave no logits to choose a token from.");

        if (float.IsFinite(TensorPrimitives.MaxMagnitude(logits)))
            return;

        int bad = 0;
        while (float.IsFinite(logits[bad]))
            bad++;

        throw new EdgeException(
            EdgeErrorCode.Engine,
            $"The engine gave the logit {logits[bad]} for token {bad} of {logits.Length}; no token can be chosen. The model's weights are damaged, or its arithmetic overflows at this precision.");
    }

    private static int IndexOfBest(ReadOnlySpan<float> logits)
    {
        int best = TensorPrimitives.IndexOfMax(logits);
        if (logits[best] != 0)
            return best;

        // Here +0 would be taken before an earlier -0, which it equals.
        for (best = 0; logits[best] != 0;)
            best++;

        return best;
    }

    private static float Greatest(ReadOnlySpan<float> left, ReadOnlySpan<float> right) => Math.Max(
        left.IsEmpty ? float.NegativeInfinity : TensorPrimitives.Max(left),
        right.IsEmpty ? float.NegativeInfinity : TensorPrimitives.Max(right));

    private static void RunFiltered(ReadOnlySpan<float> logits, in SamplerSpec spec, float best, ref Race race)
    {
        ulong[] rented = ArrayPool<ulong>.Shared.Rent(logits.Length);
        try
        {
            var candidates = rented.AsSpan(0, logits.Length);
            foreach (ulong candidate in candidates[..Candidates.Select(logits, spec, best, candidates)])
                race.Enter(Candidates.Id(candidate), (double)Candidates.Logit(candidate) / spec.Temperature);
        }
        finally
        {
            ArrayPool<ulong>.Shared.Return(rented);
        }
    }

    /// <summary>
    /// The race of the whole vocabulary. Token v beats the score B only if -log u &lt; e^(x_v - B), and -log u >= 1 - u: so a hash is compared with an
    /// exponential in single precision, 1/1000 too large, and the two logarithms are left to the few tokens that pass.
    /// </summary>
    private static void RunAll(ReadOnlySpan<float> logits, float temperature, int best, ref Race race)
    {
        race.Enter(best, (double)logits[best] / temperature);
        Span<float> chances = stackalloc float[Chunk];
        for (int start = 0; start < logits.Length; start += Chunk)
        {
            var chunk = logits.Slice(start, Math.Min(Chunk, logits.Length - start));
            var chance = chances[..chunk.Length];
            int done = 0;
            if (Math.Abs(race.Second) < MostCoarse)
            {
                Softmax.Exp(chunk, (float)(race.Second * temperature), temperature, chance);
                TensorPrimitives.Multiply(chance, 1.001f, chance);
                done = EnterLikely(chunk, chance, temperature, start, best, ref race);
            }

            for (; done < chunk.Length; done++)
            {
                if (start + done != best)
                    race.Enter(start + done, (double)chunk[done] / temperature);
            }
        }
    }

    /// <summary>Enters those of a chunk whose 1 - u is below their chance; gives how many were looked at: whole vectors.</summary>
    private static int EnterLikely(ReadOnlySpan<float> chunk, ReadOnlySpan<float> chance, float temperature, int start, int best, ref Race race)
    {
        var exponentOf2To52 = new Vector<ulong>(0x4330_0000_0000_0000);
        var twoTo52 = new Vector<double>(1UL << 52);
        var chances = MemoryMarshal.Cast<float, Vector<float>>(chance);
        int lanes = Vector<ulong>.Count;
        for (int v = 0; v < chances.Length; v++)
        {
            Vector.Widen(chances[v], out var lower, out var upper);
            for (int half = 0; half < 2; half++)
            {
                int id = start + (2 * v + half) * lanes;

                // 2^52 (1 - u) - 1/2 = 2^52 - 1 - (h >> 12), made a double by writing it into the mantissa of 2^52.
                var complement = (~race.Noise.HashesFrom(id) >>> 12) | exponentOf2To52;
                var distance = Vector.AsVectorDouble(complement) - twoTo52;
                if (!Vector.LessThanAny(distance, (half == 0 ? lower : upper) * twoTo52))
                    continue;

                for (int i = id; i < id + lanes; i++)
                {
                    if (i != best)
                        race.Enter(i, (double)chunk[i - start] / temperature);
                }
            }
        }

        return chances.Length * 2 * lanes;
    }

    /// <summary>The best two scores so far.</summary>
    private struct Race(GumbelNoise noise)
    {
        private double _first = double.NegativeInfinity;

        public readonly GumbelNoise Noise => noise;

        /// <summary>The winner so far.</summary>
        public int First { get; private set; } = -1;

        /// <summary>The score of the second.</summary>
        public double Second { get; private set; } = double.NegativeInfinity;

        /// <summary>The winner's score minus the second's.</summary>
        public readonly double Lead => _first - Second;

        public void Enter(int id, double x)
        {
            if (x + GumbelNoise.Most < Second)
                return;

            double score = x + noise.Of(id);
            if (score > _first || (score == _first && id < First))
            {
                Second = _first;
                _first = score;
                First = id;
            }
            else if (score > Second)
            {
                Second = score;
            }
        }
    }
}
