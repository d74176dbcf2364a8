using EdgeSdk.Decoding;
using EdgeSdk.Sampling;

namespace EdgeSdk.Runtime;

/// <summary>A text under way in an <see cref="OnnxModel"/>. Its cache is taken at the first step and grows with it.</summary>
internal sealed class OnnxSequence(OnnxModel model, SamplerSpec sampler) : ISequence
{
    private const int Idle = 0, Stepping = 1, DisposedWhileStepping = 2, Disposed = 3;

    private SamplerSpec _sampler = sampler;
    private SampledText? _sampled = SampledText.For(sampler, model.Info.VocabularySize);
    private KeyValueCache? _cache;
    private int _state;

    public int Length { get; private set; }

    public ValueTask StepAsync(ReadOnlyMemory<int> tokens, Memory<Pick> picks, CancellationToken cancellationToken = default) =>
        StepAsync(tokens, new Successors(picks, default, picks.Length), cancellationToken);

    /// <summary>A step that gives the logits behind its last tokens instead of choices: [rows, vocabulary].</summary>
    public ValueTask StepAsync(ReadOnlyMemory<int> tokens, Memory<float> logits, CancellationToken cancellationToken = default) =>
        StepAsync(tokens, new Successors(default, logits, logits.Length / model.Info.VocabularySize), cancellationToken);

    public ValueTask RewindAsync(int length, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        ObjectDisposedException.ThrowIf(_state >= DisposedWhileStepping, this);
        Length = length;
        _sampled?.Rewind(length);
        return ValueTask.CompletedTask;
    }

    public void Resample(SamplerSpec sampler)
    {
        ObjectDisposedException.ThrowIf(_state >= DisposedWhileStepping, this);
        sampler.Validate();
        _sampled = SampledText.For(sampler, model.Info.VocabularySize);
        _sampler = sampler;
    }

    public ValueTask DisposeAsync()
    {
        int before = _state;
        while (before < DisposedWhileStepping)
        {
            int seen = Interlocked.CompareExchange(ref _state, before == Idle ? Disposed : DisposedWhileStepping, before);
            if (seen == before && before == Idle)
                ReturnCache();

            if (seen == before)
                break;

            before = seen;
        }

        return ValueTask.CompletedTask;
    }

    private ValueTask StepAsync(ReadOnlyMemory<int> tokens, Successors wanted, CancellationToken cancellationToken)
    {
        Check(tokens.Span, wanted);
        Begin();
        int done = 0;
        try
        {
            // Turns that come at once are taken here, on the caller's thread and without an allocation.
            Append(tokens.Span);
            _sampled?.Rewind(Length); // a step that threw may have taken it further than the text
            while (done < tokens.Length && model.TryTakeTurn(cancellationToken))
                done += Pass(done, tokens.Length, wanted, cancellationToken);

            if (done == tokens.Length)
                Length += tokens.Length;
        }
        catch
        {
            End();
            throw;
        }

        if (done < tokens.Length)
            return FinishStepAsync(done, tokens.Length, wanted, cancellationToken);

        End();
        return ValueTask.CompletedTask;
    }

    private async ValueTask FinishStepAsync(int done, int count, Successors wanted, CancellationToken cancellationToken)
    {
        try
        {
            while (done < count)
            {
                await model.TakeTurnAsync(cancellationToken).ConfigureAwait(false);
                done += Pass(done, count, wanted, cancellationToken);
            }

            Length += count;
        }
        finally
        {
            End();
        }
    }

    private void Check(ReadOnlySpan<int> tokens, Successors wanted)
    {
        if (tokens.IsEmpty)
            throw new ArgumentOutOfRangeException(nameof(tokens), 0, "A step takes at least one token.");

        int most = Math.Min(tokens.Length, wanted.Picks.IsEmpty ? SelfTest.Rows : model.Options.MaxStep);
        if (wanted.Count > most)
            throw new ArgumentOutOfRangeException(nameof(wanted), wanted.Count, $"A step of {tokens.Length} tokens gives at most {most} picks here.");

        int vocabulary = model.Info.VocabularySize;
        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)vocabulary)
                throw new ArgumentOutOfRangeException(nameof(tokens), token, $"Token ids of {model.Info.Name} are in [0, {vocabulary}).");
        }

        if (tokens.Length > model.Info.ContextLength - Length)
            throw new ContextOverflowException(Length + tokens.Length, model.Info.ContextLength);
    }

    private void Begin()
    {
        ObjectDisposedException.ThrowIf(!model.TryEnter(), typeof(OnnxModel));
        int before = Interlocked.CompareExchange(ref _state, Stepping, Idle);
        if (before == Idle)
            return;

        model.Leave();
        ObjectDisposedException.ThrowIf(before >= DisposedWhileStepping, this);
        throw new InvalidOperationException("A step of this sequence is under way; a sequence has one caller at a time.");
    }

    private void End()
    {
        if (Interlocked.CompareExchange(ref _state, Idle, Stepping) == DisposedWhileStepping)
        {
            _state = Disposed;
            ReturnCache();
        }

        model.Leave();
    }

    private void ReturnCache()
    {
        if (_cache is not null)
            model.Caches.Return(_cache);

        _cache = null;
    }

    /// <summary>Writes the tokens behind the text, in a cache that holds them and the padding of their last pass.</summary>
    private void Append(ReadOnlySpan<int> tokens)
    {
        int slots = Math.Min(Length + tokens.Length + model.Options.MinimumRows, model.Info.ContextLength);
        if (_cache is null || _cache.Capacity < slots)
        {
            var larger = model.Caches.Rent(slots);
            if (_cache is not null)
                larger.CopyFrom(_cache, Length);

            ReturnCache();
            _cache = larger;
        }

        tokens.CopyTo(_cache.Text.AsSpan(Length));
    }

    /// <summary>Runs the next chunk of a step of <paramref name="count"/> tokens, of which <paramref name="done"/> are taken in, and ends this turn.</summary>
    /// <returns>The chunk's tokens.</returns>
    private int Pass(int done, int count, Successors wanted, CancellationToken cancellationToken)
    {
        int place = Length + done;
        int chunk = Math.Min(count - done, model.Options.PrefillChunk);
        int later = count - done - chunk;
        int successors = Math.Clamp(wanted.Count - later, 0, chunk);

        // A short pass is padded behind the text, where the next pass writes over it. At the very end of the context no slot is left for that:
        // there it computes the tokens before again.
        int rows = model.PassRows(chunk);
        int again = Math.Max(0, place + rows - model.Info.ContextLength);
        int padding = rows - again - chunk;

        // The head's product over one row takes another kernel, as a pass of one row does: it gets two rows whenever the pass has them.
        int logitRows = Math.Max(successors + padding, Math.Min(rows, 2));
        ReadOnlySpan<float> logits;
        try
        {
            _cache!.Text.AsSpan(place + chunk, padding).Clear();
            logits = _cache.Run(place - again, rows, logitRows, cancellationToken);
        }
        finally
        {
            model.EndTurn();
        }

        int vocabulary = model.Info.VocabularySize;
        var last = logits[..^(padding * vocabulary)];
        for (int i = 0; i < successors; i++)
        {
            var row = last[^((successors - i) * vocabulary)..][..vocabulary];
            var before = _cache.Text.AsSpan(0, place + chunk - successors + i + 1);
            wanted.Set(wanted.Count - later - successors + i, row, before, _sampler, _sampled);
        }

        return chunk;
    }

    /// <summary>What a step gives for its last <paramref name="Count"/> tokens: a choice each, or the logits themselves.</summary>
    private readonly record struct Successors(Memory<Pick> Picks, Memory<float> Logits, int Count)
    {
        public void Set(int index, ReadOnlySpan<float> logits, ReadOnlySpan<int> before, in SamplerSpec sampler, SampledText? sampled)
        {
            if (Picks.IsEmpty)
                logits.CopyTo(Logits.Span[(index * logits.Length)..]);
            else
                Picks.Span[index] = sampled?.Choose(logits, before) ?? Sampler.Choose(logits, sampler, before.Length);
        }
    }
}
