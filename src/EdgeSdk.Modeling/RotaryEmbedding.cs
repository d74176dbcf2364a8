using EdgeSdk.Onnx;

namespace EdgeSdk.Modeling;

/// <summary>
/// Rotary position embedding (Su et al., arXiv 2104.09864): the angle of pair i at place p is p * InverseFrequencies[i]. Longer contexts than trained come
/// by scaled frequencies: linear, Llama 3's, or YaRN (Peng et al., arXiv 2309.00071).
/// </summary>
/// <param name="InverseFrequencies">Radians a place, one for each pair.</param>
/// <param name="Amplitude">Factor of cosine and sine (YaRN's attention factor; else 1).</param>
/// <param name="ScoreFactor">Factor of the softmax's scale where an architecture keeps one beside the amplitude (DeepSeek's mscale squared; else 1).</param>
internal sealed record RotaryEmbedding(float[] InverseFrequencies, float Amplitude, double ScoreFactor)
{
    /// <summary>Reads rope_parameters, or rope_theta and rope_scaling as older configurations have them.</summary>
    /// <param name="config">The checkpoint's configuration.</param>
    /// <param name="dimensions">Of a head, those that are rotated; even.</param>
    public static RotaryEmbedding Read(CheckpointConfig config, int dimensions)
    {
        var rope = config.Section("rope_parameters") ?? config.Section("rope_scaling");
        double theta = rope?.Has("rope_theta") == true ? rope.Number("rope_theta") : config.Number("rope_theta", absent: 10000);
        double[] plain = [.. Enumerable.Range(0, dimensions / 2).Select(i => Math.Pow(theta, -2.0 * i / dimensions))];
        string kind = rope?.Has("type") == true ? "type" : "rope_type"; // older configurations say type
        return rope is null ? Unscaled(plain) : rope.Text(kind, "default") switch
        {
            "default" => Unscaled(plain),
            "linear" => Unscaled([.. plain.Select(f => f / rope.Number("factor"))]),
            "llama3" => Unscaled(Llama3(plain, rope)),
            "yarn" => Yarn(plain, rope, theta, config.Int("max_position_embeddings")),
            _ => throw rope.Invalid(kind, "default, linear, llama3 and yarn are supported"),
        };
    }

    /// <summary>
    /// Tables [context, pairs] of cosines and sines. They are written as a formula over constants, which the runtime computes once at load: a file need not
    /// hold them.
    /// </summary>
    public (Value Cos, Value Sin) Tables(GraphBuilder graph, int context)
    {
        var places = graph.Node("Range", [graph.Scalar(0f), graph.Scalar((float)context), graph.Scalar(1f)]);
        var angles = graph.Unsqueeze(places, 1) * graph.Constant(InverseFrequencies, 1, InverseFrequencies.Length);
        var (cos, sin) = (graph.Cos(angles), graph.Sin(angles));
        return Amplitude == 1 ? (cos, sin) : (cos * graph.Scalar(Amplitude), sin * graph.Scalar(Amplitude));
    }

    private static RotaryEmbedding Unscaled(double[] frequencies) => new([.. frequencies.Select(f => (float)f)], 1, 1);

    /// <summary>Long waves are stretched by the factor, short ones left alone, those between blended.</summary>
    private static double[] Llama3(double[] plain, CheckpointConfig rope)
    {
        double factor = rope.Number("factor"), low = rope.Number("low_freq_factor"), high = rope.Number("high_freq_factor");
        double context = rope.Int("original_max_position_embeddings");
        if (high <= low)
            throw rope.Invalid("high_freq_factor", "more than low_freq_factor is wanted");

        return [.. plain.Select(frequency =>
        {
            double turns = context * frequency / (2 * Math.PI);
            double share = Math.Clamp((turns - low) / (high - low), 0, 1);
            return (1 - share) * frequency / factor + share * frequency;
        })];
    }

    private static RotaryEmbedding Yarn(double[] plain, CheckpointConfig rope, double theta, int maxPositions)
    {
        double factor = rope.Number("factor");
        double context = rope.Int("original_max_position_embeddings", absent: maxPositions);
        double first = PairOfTurns(rope.Number("beta_fast", absent: 32)), last = PairOfTurns(rope.Number("beta_slow", absent: 1));
        if (rope.Flag("truncate", absent: true))
            (first, last) = (Math.Floor(first), Math.Ceiling(last));

        (first, last) = (Math.Max(first, 0), Math.Min(last, 2 * plain.Length - 1));
        double width = last == first ? 0.001 : last - first;
        float[] blended = [.. plain.Select((frequency, i) =>
        {
            double stretched = Math.Clamp((i - first) / width, 0, 1);
            return (float)(stretched * frequency / factor + (1 - stretched) * frequency);
        })];

        double mscale = rope.Number("mscale", -1, absent: 0), mscaleAllDim = rope.Number("mscale_all_dim", -1, absent: 0);
        double amplitude = mscale != 0 && mscaleAllDim != 0 ? Mscale(factor, mscale) / Mscale(factor, mscaleAllDim) : Mscale(factor, 1);
        return new(blended, (float)rope.Number("attention_factor", absent: amplitude), mscaleAllDim == 0 ? 1 : Math.Pow(Mscale(factor, mscaleAllDim), 2));

        // The pair that turns so many times over the trained context.
        double PairOfTurns(double turns) => plain.Length * Math.Log(context / (turns * 2 * Math.PI)) / Math.Log(theta);
    }

    private static double Mscale(double factor, double weight) => factor <= 1 ? 1 : 0.1 * weight * Math.Log(factor) + 1;
}
