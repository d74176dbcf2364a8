using EdgeSdk.Sampling;

namespace EdgeSdk.Decoding;

/// <summary>A guess for one place.</summary>
internal readonly record struct Draft(int Place, int Token);

/// <summary>
/// The device's side of a text that both decode: the sequence-backed drafter. It runs ahead of the committed text by a bounded window, keeps what
/// the commits confirm, goes back where they differ, and compares its own choice at every committed place, drafted or not.
/// </summary>
/// <remarks>One caller at a time. The sequence is owned.</remarks>
internal sealed class DraftWindow : IAsyncDisposable
{
    /// <summary>Weight of the newest draft in the measured time of one, once so many were timed as make it the mean of all.</summary>
    private const double Newest = 1.0 / 8;

    private readonly ILanguageModel _model;
    private readonly ISequence _sequence;
    private readonly StopRule _stop;
    private readonly TimeProvider _time;
    private readonly Pick[] _picks;

    // The text as this side believes it: the committed tokens, behind them the drafts. The sequence has taken in the first sequence.Length of it.
    private int[] _text = [];
    private int _committed, _drafted, _timed;
    private int _compared; // places below are compared, or not to be: the prompt

    /// <summary>A window over <paramref name="sequence"/>, which it owns and which may hold the beginning of the prompt already.</summary>
    /// <param name="model">The sequence's model.</param>
    /// <param name="sequence">Opened with the sampler that the server's has: equal noise makes equal choices likely.</param>
    /// <param name="stop">When the text ends: the server's rule, with its end tokens and its context.</param>
    /// <param name="time">Measures the time of a draft.</param>
    public DraftWindow(ILanguageModel model, ISequence sequence, StopRule stop, TimeProvider time)
    {
        _model = model;
        _sequence = sequence;
        _stop = stop;
        _time = time;
        _picks = new Pick[Math.Clamp(model.Traits.MaxStep, 1, Verifier.MostPerOffer)];
        DraftSeconds = model.Traits.Cost.IsKnown ? model.Traits.Cost.Pass(1) : double.NaN;
    }

    /// <summary>One entry for each committed place of this turn that was compared.</summary>
    public Agreement Agreement { get; } = new();

    /// <summary>Length of the committed text as this side knows it; the place of the next commit.</summary>
    public int Committed => _committed;

    /// <summary>Drafts made and not yet answered, for the places from <see cref="Committed"/> on. Valid until the next call.</summary>
    public ReadOnlyMemory<int> Ahead => _text.AsMemory(_committed, _drafted - _committed);

    /// <summary>How far ahead drafts are made; at least 1.</summary>
    public int Size { get; set; } = 32;

    /// <summary>Whether a further draft is within the window, the text's limits and this model's context, and no token so far ends the text.</summary>
    public bool CanDraft => _committed > 0 && _drafted - _committed < Size && _drafted <= _model.Info.ContextLength && !EndsAt(_drafted);

    /// <summary>Whether the committed text has come to its end.</summary>
    public bool HasEnded => _committed > 0 && EndsAt(_committed);

    /// <summary>Committed tokens that this side has not taken in yet and that its context has room for.</summary>
    public int Untaken => Math.Max(0, Math.Min(_committed, _model.Info.ContextLength) - _sequence.Length);

    /// <summary>Time of one draft, seconds: as measured, before that as the model's traits say; NaN where they do not.</summary>
    public double DraftSeconds { get; private set; }

    /// <summary>Time to the first draft, seconds, by the model's traits: what is untaken goes in first. NaN where they do not say.</summary>
    public double FirstDraftSeconds => _model.Traits.Cost.IsKnown ? _model.Traits.Cost.Pass(Math.Max(1, Untaken)) : double.NaN;

    /// <summary>Sets the text: the prompt, and behind it what an earlier stream committed. Computes nothing yet.</summary>
    public void Begin(ReadOnlySpan<int> text)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(text.Length, _sequence.Length);
        _text = new int[text.Length + 256];
        text.CopyTo(_text);
        _committed = _drafted = _compared = text.Length;
        Agreement.BeginTurn();
    }

    /// <summary>Takes in up to <paramref name="most"/> committed tokens (the prompt is such) and compares this side's own choices with them.</summary>
    /// <remarks>While nothing is drafted this keeps the agreement known: in batches it costs a fraction of drafting.</remarks>
    public ValueTask TakeInAsync(int most, CancellationToken cancellationToken = default) =>
        FeedAsync(_sequence.Length + Math.Min(most, Untaken), cancellationToken);

    /// <summary>Makes the next draft, taking in committed tokens that were not taken in yet on the way.</summary>
    public async ValueTask<Draft> DraftAsync(CancellationToken cancellationToken = default)
    {
        if (!CanDraft)
            throw new InvalidOperationException($"Place {_drafted} is not to be drafted: the window ({Size}), the text or the context ends before it.");

        bool single = _drafted - _sequence.Length == 1;
        long start = _time.GetTimestamp();
        await FeedAsync(_drafted, cancellationToken).ConfigureAwait(false);
        if (single)
            Measure(_time.GetElapsedTime(start).TotalSeconds);

        return new(_drafted - 1, _text[_drafted - 1]);
    }

    /// <summary>
    /// The server has written <paramref name="tokens"/> from <paramref name="place"/> on: keeps the drafts that agree and drops the rest from the first
    /// that does not. What was never drafted is taken in, and compared, by the next <see cref="DraftAsync"/> or <see cref="TakeInAsync"/>.
    /// </summary>
    /// <returns>How many of the tokens this side had drafted, from the first on.</returns>
    /// <exception cref="EdgeException">Protocol: the place is not the next one, the text goes on beyond its end, or a token lies outside the vocabulary.</exception>
    public async ValueTask<int> CommitAsync(int place, ReadOnlyMemory<int> tokens, CancellationToken cancellationToken = default)
    {
        Check(place, tokens.Span);
        int right = 0, known = Math.Min(tokens.Length, _drafted - _committed);
        while (right < known && _text[_committed + right] == tokens.Span[right])
            right++;

        bool differs = right < known;
        if (differs && _sequence.Length > _committed + right)
            await _sequence.RewindAsync(_committed + right, cancellationToken).ConfigureAwait(false);

        for (int i = 0; i < right; i++)
            Agreement.Add(true);

        if (differs)
            Agreement.Add(false);

        // Where drafts were made, everything before them had been taken in and compared.
        if (known > 0)
            _compared = _committed + right + (differs ? 1 : 0);

        _committed += tokens.Length;
        _drafted = differs ? _committed : Math.Max(_drafted, _committed);
        Reserve(_drafted + 1);
        tokens.CopyTo(_text.AsMemory(place));
        return right;
    }

    public ValueTask DisposeAsync() => _sequence.DisposeAsync();

    /// <summary>
    /// Takes in the text up to <paramref name="end"/>, in passes as wide as the engine allows. The choices on the way are compared with what was committed;
    /// the one behind everything known becomes the next draft.
    /// </summary>
    private async ValueTask FeedAsync(int end, CancellationToken cancellationToken)
    {
        while (_sequence.Length < end)
        {
            // The pass's choices are for the places from `first` to `to`; where `first` lies further on, the tokens before only go in.
            int from = _sequence.Length, first = Math.Max(from + 1, _compared);
            int to = Math.Min(end, first + _picks.Length - 1);
            int wanted = Math.Max(0, to - first + 1);
            await _sequence.StepAsync(_text.AsMemory(from, to - from), _picks.AsMemory(0, wanted), cancellationToken).ConfigureAwait(false);
            for (int i = 0; i < wanted; i++)
                Choose(first + i, _picks[i].Token);
        }
    }

    private void Choose(int place, int token)
    {
        if (place < _committed)
        {
            Agreement.Add(_text[place] == token);
            _compared = place + 1;
        }
        else if (place == _drafted && !EndsAt(_drafted))
        {
            Reserve(_drafted + 1);
            _text[_drafted++] = token;
        }
    }

    private bool EndsAt(int length) => _stop.After(_text[length - 1], length - 1) is not null;

    /// <summary>The first draft replaces what the model states: that was found at its load, whatever kept the machine busy then.</summary>
    private void Measure(double seconds) =>
        DraftSeconds = _timed++ == 0 ? seconds : DraftSeconds + Math.Max(Newest, 1.0 / _timed) * (seconds - DraftSeconds);

    private void Reserve(int length)
    {
        if (_text.Length < length)
            Array.Resize(ref _text, Math.Max(length, 2 * _text.Length));
    }

    private void Check(int place, ReadOnlySpan<int> tokens)
    {
        if (place != _committed)
            throw Broken($"place {place}; the next one is {_committed}");

        if (tokens.IsEmpty)
            throw Broken($"nothing at place {place}");

        for (int i = 0; i < tokens.Length; i++)
        {
            if ((uint)tokens[i] >= (uint)_model.Info.VocabularySize)
                throw Broken($"token {tokens[i]} at place {place + i}; ids are in [0, {_model.Info.VocabularySize})");

            if (i == 0 ? EndsAt(_committed) : _stop.After(tokens[i - 1], place + i - 1) is not null)
                throw Broken($"place {place + i}, behind the end of the text");
        }
    }

    private static EdgeException Broken(string what) => new(EdgeErrorCode.Protocol, $"The server committed {what}.");
}
