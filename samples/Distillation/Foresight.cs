using System.Numerics.Tensors;

namespace EdgeSdk.Distillation;

/// <summary>What a model expected at each place of a text behind the first.</summary>
internal sealed class Foresight(int places)
{
    private readonly float[] _losses = new float[places];
    private readonly int[] _choices = new int[places];

    /// <summary>Negative log-likelihood of the token that came at place + 1, nats.</summary>
    public IReadOnlyList<float> Losses => _losses;

    /// <summary>The most likely token at place + 1.</summary>
    public IReadOnlyList<int> Choices => _choices;

    /// <summary>Takes the logits [vocabulary] behind a place and the token that came.</summary>
    public void Set(int place, ReadOnlySpan<float> logits, int came)
    {
        int best = TensorPrimitives.IndexOfMax(logits);
        double sum = 0;
        foreach (float logit in logits) sum += Math.Exp(logit - logits[best]);
        _losses[place] = (float)(Math.Log(sum) + logits[best] - logits[came]);
        _choices[place] = best;
    }
}
