namespace EdgeSdk.Sampling;

/// <summary>
/// The tokens that the filters leave, best first. A candidate is one number that sorts by descending logit, then ascending id: the logit's bits, turned so
/// that they count down, above the id.
/// </summary>
internal static class Candidates
{
    /// <summary>A sum in any order and single precision is this close to the ordered sum in double, relatively: what it decides with this to spare is decided.</summary>
    private const double SumTolerance = 2e-5;

    /// <summary>In multiples of the temperature: what lies further below the best logit seldom belongs to a nucleus.</summary>
    private const double NucleusDepth = 14;

    /// <summary>Writes the tokens that top-k, top-p and min-p leave, in this order, and returns how many they are.</summary>
    /// <param name="logits">[vocabulary], finite.</param>
    /// <param name="spec">Temperature above 0.</param>
    /// <param name="best">The greatest logit.</param>
    /// <param name="candidates">Room for the whole vocabulary.</param>
    public static int Select(ReadOnlySpan<float> logits, in SamplerSpec spec, float best, Span<ulong> candidates)
    {
        bool topK = spec.TopK > 0 && spec.TopK < logits.Length;
        bool topP = spec.TopP < 1;
        int count;
        if (topK)
        {
            count = TopK(logits, spec.TopK, candidates);
            if (topP)
                count = Nucleus(candidates[..count], spec, WeightOf(candidates[..count], spec.Temperature, best), best);
        }
        else if (topP)
        {
            count = Nucleus(logits, spec, best, candidates);
        }
        else
        {
            // e^(x - best) >= MinP needs x at least this; a little lower, since the exact test follows.
            count = AtLeast(logits, best + (double)spec.Temperature * (Math.Log(spec.MinP) - 0.01), candidates);
        }

        return spec.MinP > 0 ? Likely(candidates[..count], spec, best) : count;
    }

    /// <summary>The candidate's token.</summary>
    public static int Id(ulong candidate) => (int)(uint)candidate;

    /// <summary>The candidate's logit.</summary>
    public static float Logit(ulong candidate)
    {
        uint bits = ~(uint)(candidate >> 32);
        return BitConverter.UInt32BitsToSingle((bits & 0x8000_0000) != 0 ? bits & 0x7FFF_FFFF : ~bits);
    }

    private static ulong Pack(float logit, int id)
    {
        uint bits = BitConverter.SingleToUInt32Bits(logit + 0f); // -0 ties with +0
        bits = (bits & 0x8000_0000) != 0 ? ~bits : bits | 0x8000_0000;
        return ((ulong)~bits << 32) | (uint)id;
    }

    /// <summary>Keeps the k best in a heap whose root is the worst of them.</summary>
    private static int TopK(ReadOnlySpan<float> logits, int k, Span<ulong> candidates)
    {
        var heap = candidates[..k];
        for (int id = 0; id < k; id++)
            heap[id] = Pack(logits[id], id);

        for (int root = k / 2 - 1; root >= 0; root--)
            SiftDown(heap, root);

        float worst = Logit(heap[0]);
        for (int id = k; id < logits.Length; id++)
        {
            if (logits[id] > worst)
            {
                heap[0] = Pack(logits[id], id);
                SiftDown(heap, 0);
                worst = Logit(heap[0]);
            }
        }

        heap.Sort();
        return k;
    }

    private static void SiftDown(Span<ulong> heap, int root)
    {
        ulong moved = heap[root];
        for (int child = 2 * root + 1; child < heap.Length; child = 2 * root + 1)
        {
            if (child + 1 < heap.Length && heap[child + 1] > heap[child])
                child++;

            if (heap[child] <= moved)
                break;

            heap[root] = heap[child];
            root = child;
        }

        heap[root] = moved;
    }

    /// <summary>
    /// Top-p over the whole vocabulary. The rule sums all of it in order, which needs it sorted; but nearly always a rough sum and the upper end of the
    /// order show already where the ordered sum must cross.
    /// </summary>
    private static int Nucleus(ReadOnlySpan<float> logits, in SamplerSpec spec, float best, Span<ulong> candidates)
    {
        double total = Softmax.SumOfExp(logits, best, spec.Temperature);
        int count = AtLeast(logits, best - NucleusDepth * spec.Temperature, candidates);
        candidates[..count].Sort();
        double low = spec.TopP * total * (1 - SumTolerance), high = spec.TopP * total * (1 + SumTolerance), sum = 0;
        for (int i = 0; i < count && sum < low; i++)
        {
            sum += Weight(candidates[i], spec.Temperature, best);
            if (sum >= high)
                return i + 1;
        }

        count = AtLeast(logits, double.NegativeInfinity, candidates);
        candidates.Sort();
        return Nucleus(candidates[..count], spec, WeightOf(candidates[..count], spec.Temperature, best), best);
    }

    /// <summary>Top-p by its rule: the shortest beginning of the ordered candidates whose weights, summed in that order, reach their share of the ordered sum of all.</summary>
    private static int Nucleus(ReadOnlySpan<ulong> candidates, in SamplerSpec spec, double total, float best)
    {
        double wanted = spec.TopP * total, sum = 0;
        for (int i = 0; i < candidates.Length; i++)
        {
            sum += Weight(candidates[i], spec.Temperature, best);
            if (sum >= wanted)
                return i + 1;
        }

        return candidates.Length;
    }

    private static double WeightOf(ReadOnlySpan<ulong> candidates, float temperature, float best)
    {
        double sum = 0;
        foreach (ulong candidate in candidates)
            sum += Weight(candidate, temperature, best);

        return sum;
    }

    /// <summary>Min-p: keeps what weighs at least its share of the best one, whose weight is 1.</summary>
    private static int Likely(Span<ulong> candidates, in SamplerSpec spec, float best)
    {
        int kept = 0;
        foreach (ulong candidate in candidates)
        {
            if (Weight(candidate, spec.Temperature, best) >= spec.MinP)
                candidates[kept++] = candidate;
        }

        return kept;
    }

    private static int AtLeast(ReadOnlySpan<float> logits, double least, Span<ulong> candidates)
    {
        int count = 0;
        for (int id = 0; id < logits.Length; id++)
        {
            if (logits[id] >= least)
                candidates[count++] = Pack(logits[id], id);
        }

        return count;
    }

    /// <summary>e^(x - x_best), x being the logit over the temperature.</summary>
    private static double Weight(ulong candidate, float temperature, float best) =>
        Elementary.Exp((double)Logit(candidate) / temperature - (double)best / temperature);
}
