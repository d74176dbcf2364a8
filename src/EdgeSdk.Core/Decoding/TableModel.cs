using System.Runtime.InteropServices;
using EdgeSdk.Sampling;

namespace EdgeSdk.Decoding;

/// <summary>What a scripted model says: the choice behind a text.</summary>
/// <param name="text">A hash of the text: equal for equal texts (<see cref="TableModel.Extend"/>).</param>
/// <param name="place">The place of the choice: the text's length.</param>
/// <param name="sampler">The sequence's sampler.</param>
internal delegate Pick Table(ulong text, int place, in SamplerSpec sampler);

/// <summary>How a scripted model scores its vocabulary behind a text: [vocabulary] logits.</summary>
internal delegate void Scores(ulong text, Span<float> logits);

/// <summary>A pass of a scripted model: <paramref name="Tokens"/> tokens behind <paramref name="Length"/>.</summary>
internal readonly record struct TablePass(int Length, int Tokens);

/// <summary>A scripted model for tests and simulations: each choice is a pure function of the text before it. It checks its callers as a real engine does.</summary>
/// <param name="info">What it claims to be.</param>
/// <param name="traits">What it claims to be able to do.</param>
/// <param name="table">What it says.</param>
/// <param name="pace">Takes the time of a pass; null: none.</param>
/// <param name="scores">What penalised and constrained texts are chosen from; without it they are refused.</param>
internal sealed class TableModel(ModelInfo info, StepTraits traits, Table table, Func<TablePass, ValueTask>? pace = null, Scores? scores = null) : ILanguageModel
{
    /// <summary>The hash of no text.</summary>
    public const ulong Empty = 0x9E3779B97F4A7C15;

    public ModelInfo Info => info;

    public StepTraits Traits => traits;

    /// <summary>The hash of a text with one more token.</summary>
    public static ulong Extend(ulong text, int token) => Mix(text ^ Mix((ulong)token + 1));

    /// <summary>A table that scores a vocabulary at random, by the text and <paramref name="seed"/>, and chooses as the sampler says.</summary>
    /// <param name="seed">Other seeds give other tables.</param>
    /// <param name="vocabulary">Ids 0 to vocabulary - 1.</param>
    /// <param name="spread">Logits lie within this, uniformly.</param>
    public static Table Random(ulong seed, int vocabulary, float spread) => (ulong text, int place, in SamplerSpec sampler) =>
    {
        Span<float> logits = vocabulary <= 256 ? stackalloc float[vocabulary] : new float[vocabulary];
        RandomScores(seed, spread)(text, logits);
        return Sampler.Choose(logits, sampler, place);
    };

    /// <summary>The scores of <see cref="Random"/>.</summary>
    public static Scores RandomScores(ulong seed, float spread) => (ulong text, Span<float> logits) =>
    {
        ulong key = Mix(text ^ Mix(seed));
        for (int id = 0; id < logits.Length; id++)
            logits[id] = spread * (float)Share(Mix(key + (ulong)id));
    };

    /// <summary>A table that says what <paramref name="table"/> says at this share of all texts, and at the others what <paramref name="other"/> does.</summary>
    public static Table Mostly(Table table, Table other, double share, ulong seed) => (ulong text, int place, in SamplerSpec sampler) =>
        (Share(Mix(text ^ Mix(~seed))) < share ? table : other)(text, place, sampler);

    public ValueTask<ISequence> OpenAsync(SamplerSpec sampler, CancellationToken cancellationToken = default)
    {
        Check(sampler);
        return new(new Sequence(this, sampler));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static double Share(ulong hash) => (hash >> 11) * (1.0 / (1UL << 53));

    private static ulong Mix(ulong z) => GumbelNoise.Mix(z);

    private Pick Choose(ulong text, ReadOnlySpan<int> before, in SamplerSpec sampler, SampledText? sampled)
    {
        if (sampled is null)
            return table(text, before.Length, sampler);

        float[] logits = new float[info.VocabularySize];
        scores!(text, logits);
        return sampled.Choose(logits, before);
    }

    private void Check(in SamplerSpec sampler)
    {
        sampler.Validate();
        if (sampler.ReadsText && scores is null)
            throw new NotSupportedException("A table without scores can be neither penalised nor biased nor constrained, nor kept from thinking.");
    }

    private void Check(int length, ReadOnlySpan<int> tokens, int picks)
    {
        ArgumentOutOfRangeException.ThrowIfZero(tokens.Length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(picks, Math.Min(tokens.Length, traits.MaxStep));
        if (length + tokens.Length > info.ContextLength)
            throw new ContextOverflowException(length + tokens.Length, info.ContextLength);

        foreach (int token in tokens)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(token);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(token, info.VocabularySize);
        }
    }

    private ValueTask PaceAsync(TablePass pass) => pace?.Invoke(pass) ?? ValueTask.CompletedTask;

    private sealed class Sequence(TableModel model, SamplerSpec sampler) : ISequence
    {
        private readonly List<ulong> _texts = [Empty];
        private readonly List<int> _tokens = [];
        private SamplerSpec _sampler = sampler;
        private SampledText? _sampled = SampledText.For(sampler, model.Info.VocabularySize);
        private bool _stepping, _disposed;

        public int Length => _texts.Count - 1;

        public async ValueTask StepAsync(ReadOnlyMemory<int> tokens, Memory<Pick> picks, CancellationToken cancellationToken = default)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_stepping)
                throw new InvalidOperationException("A sequence has one caller at a time.");

            cancellationToken.ThrowIfCancellationRequested();
            model.Check(Length, tokens.Span, picks.Length);
            _stepping = true;
            try
            {
                await model.PaceAsync(new(Length, tokens.Length)).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
            }
            finally
            {
                _stepping = false;
            }

            Take(tokens.Span, picks.Span);
        }

        public ValueTask RewindAsync(int length, CancellationToken cancellationToken = default)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(length);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
            _tokens.RemoveRange(length, Length - length);
            _texts.RemoveRange(length + 1, Length - length);
            _sampled?.Rewind(length);
            return ValueTask.CompletedTask;
        }

        public void Resample(SamplerSpec sampler)
        {
            model.Check(sampler);
            _sampled = SampledText.For(sampler, model.Info.VocabularySize);
            _sampler = sampler;
        }

        public ValueTask DisposeAsync()
        {
            _disposed = true;
            return ValueTask.CompletedTask;
        }

        private void Take(ReadOnlySpan<int> added, Span<Pick> picks)
        {
            _tokens.AddRange(added);
            foreach (int token in added)
                _texts.Add(Extend(_texts[^1], token));

            for (int i = 0; i < picks.Length; i++)
            {
                int place = Length - picks.Length + 1 + i;
                picks[i] = model.Choose(_texts[place], CollectionsMarshal.AsSpan(_tokens)[..place], _sampler, _sampled);
            }
        }
    }
}
