using EdgeSdk.Decoding;

namespace EdgeSdk.Cli;

/// <summary>
/// A stream whose drafts are made worse on their way: wrong tokens, wrong places, wrong claims of what the device had heard, floods. All of them are
/// well-formed frames. The text must not change.
/// </summary>
internal sealed class AdversarialStream(IVerifierStream inner, ModelInfo model, Random random) : IVerifierStream
{
    public StepCost Cost => inner.Cost;

    public double RoundTripSeconds => inner.RoundTripSeconds;

    public int Connections => inner.Connections;

    public FinishReason? Finish => inner.Finish;

    /// <summary>Drafts for a frame in place of right ones.</summary>
    public static int[] Spoil(ReadOnlySpan<int> drafts, ModelInfo model, Random random)
    {
        int[] spoilt = drafts.ToArray();
        int from = random.Next(spoilt.Length + 1);
        for (int i = from; i < spoilt.Length; i++)
            spoilt[i] = random.Next(model.VocabularySize);

        return spoilt;
    }

    public async ValueTask SendAsync(int place, ReadOnlyMemory<int> drafts, int heard, CancellationToken cancellationToken)
    {
        switch (random.Next(5))
        {
            case 0:
                break;
            case 1:
                place = Near(place);
                break;
            case 2:
                heard = Near(heard);
                break;
            case 3:
                await inner.SendAsync(Near(place), Flood(), Near(heard), cancellationToken).ConfigureAwait(false);
                break;
            default:
                await inner.SendAsync(place, drafts, heard, cancellationToken).ConfigureAwait(false);
                return;
        }

        await inner.SendAsync(place, Spoil(drafts.Span, model, random), heard, cancellationToken).ConfigureAwait(false);
    }

    public bool TryRead(out Commit commit) => inner.TryRead(out commit);

    public ValueTask<bool> WaitAsync(CancellationToken cancellationToken) => inner.WaitAsync(cancellationToken);

    private int Near(int place) => Math.Clamp(place + random.Next(-8, 9), 0, model.ContextLength);

    private int[] Flood()
    {
        var drafts = new int[random.Next(1, Verifier.MostPerOffer + 1)];
        return Spoil(drafts, model, random);
    }
}
