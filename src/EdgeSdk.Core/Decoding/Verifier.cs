using EdgeSdk.Sampling;

namespace EdgeSdk.Decoding;

/// <summary>
/// The server's side of a text that both decode. It runs free: each pass verifies the drafts that have arrived for its place, as many as pay, and
/// where none have it steps alone. It never waits. The text is the one that the model writes alone: a draft is kept where it equals the model's own choice.
/// </summary>
/// <remarks><see cref="Offer"/> and <see cref="StopAfter"/> are thread-safe; the passes have one caller at a time.</remarks>
internal sealed class Verifier : IAsyncDisposable
{
    /// <summary>Drafts that may wait for their place.</summary>
    public const int MostWaiting = 1024;

    /// <summary>Drafts that are taken from one call of <see cref="Offer"/>.</summary>
    public const int MostPerOffer = 64;

    /// <summary>The stream's agreement is assumed to be this at first, as if seen at so many places, and forgets at this rate.</summary>
    private const double AssumedAgreement = 0.7, AssumedPlaces = 8, Forgetting = 1.0 / 64;

    private readonly ILanguageModel _model;
    private readonly ISequence _sequence;
    private readonly TimeProvider _time;
    private readonly StepCost _cost;
    private readonly int _promptChunk, _mostDrafts;
    private readonly Pick[] _picks;
    private readonly float[] _margins, _logProbs;

    private readonly Lock _gate = new();
    private readonly WaitingDrafts _waiting = new();
    private StopRule _stop;
    private int[] _text = [];
    private int _length;     // of the committed text; 0: not started
    private int _firstSound; // drafts made by a device that had heard of fewer tokens follow a wrong text
    private double _compared = AssumedPlaces, _agreed = AssumedPlaces * AssumedAgreement;
    private int _passes, _drafted, _accepted, _wasted, _wastedBefore;

    /// <summary>A verifier over <paramref name="sequence"/>, which it owns and which may hold the beginning of the text already.</summary>
    /// <param name="model">The sequence's model: traits, vocabulary.</param>
    /// <param name="sequence">An open sequence of that model.</param>
    /// <param name="stop">When the text ends.</param>
    /// <param name="time">Measures the passes.</param>
    /// <param name="promptChunk">The engine takes in a longer prompt in passes of so many tokens: drafts that arrive during the others are verified in the last
    /// one. Left out: the prompt goes in whole, and the first pass behind it verifies them.</param>
    public Verifier(ILanguageModel model, ISequence sequence, StopRule stop, TimeProvider time, int promptChunk = int.MaxValue)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(promptChunk, 1);
        _model = model;
        _sequence = sequence;
        _stop = stop;
        _time = time;
        _promptChunk = promptChunk;
        _cost = model.Traits.Cost.IsKnown ? model.Traits.Cost : FreeRun.AssumedCost;
        _mostDrafts = Math.Clamp(model.Traits.MaxStep - 1, 0, MostPerOffer);
        _picks = new Pick[_mostDrafts + 1];
        _margins = new float[_mostDrafts + 1];
        _logProbs = new float[_mostDrafts + 1];
    }

    /// <summary>The place of the next token.</summary>
    public int Place => _length;

    /// <summary>Why the text ended; null while it has not. Known as soon as the last commit is given.</summary>
    public FinishReason? Finish { get; private set; }

    /// <summary>Passes, drafts and what became of them, so far.</summary>
    public VerifierUsage Usage
    {
        get
        {
            lock (_gate)
                return new(_passes, _drafted, _accepted, _wasted);
        }
    }

    /// <summary>
    /// Guesses for the places from <paramref name="place"/> on. Nothing that arrives here is an error: what is late, out of range, over the
    /// limits or based on a text that the model has since left is dropped and counted as wasted. May be called before <see cref="StartAsync"/>.
    /// </summary>
    /// <param name="place">The place of the first.</param>
    /// <param name="drafts">Token ids.</param>
    /// <param name="heard">How many tokens of the text (prompt included) the device knew to be committed when it made them: drafts made before
    /// it heard of the last disagreement follow a wrong text and are not worth a verification.</param>
    public void Offer(int place, ReadOnlySpan<int> drafts, int heard)
    {
        lock (_gate)
        {
            _drafted += drafts.Length;
            int used = 0;
            if (heard >= _firstSound && place >= heard)
            {
                int most = Math.Min(drafts.Length, MostPerOffer);
                while (used < most && Take(place + used, drafts[used]))
                    used++;
            }

            _wasted += drafts.Length - used;
        }
    }

    /// <summary>No token beyond <paramref name="place"/> is wanted any more; the pass under way is not undone.</summary>
    public void StopAfter(int place)
    {
        lock (_gate)
            _stop = _stop with { LastPlace = Math.Min(_stop.LastPlace, place) };
    }

    /// <summary>
    /// Takes in <paramref name="text"/> and makes the first commit, drafts that have arrived included. A resumed text ends with what an earlier
    /// stream committed.
    /// </summary>
    /// <returns>The first commit; null where the text has ended already.</returns>
    public async ValueTask<Commit?> StartAsync(ReadOnlyMemory<int> text, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(text.Length);
        lock (_gate)
        {
            _text = text.ToArray();
            _length = text.Length;
            _wasted += _waiting.KeepFrom(_length);
            FinishIf(_stop.After(text.Span[^1], _length - 1));
        }

        if (Finish is not null)
            return null;

        long start = _time.GetTimestamp();
        int left = _length - _sequence.Length, head = (left - 1) / _promptChunk * _promptChunk;
        if (head > 0)
            await _sequence.StepAsync(_text.AsMemory(_sequence.Length, head), default, cancellationToken).ConfigureAwait(false);

        return await PassAsync(start, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>One pass.</summary>
    /// <returns>Its commit; null once the text has ended (<see cref="Finish"/>).</returns>
    public ValueTask<Commit?> NextAsync(CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (_length > _stop.LastPlace)
                FinishIf(FinishReason.Length);
        }

        return Finish is null ? PassAsync(_time.GetTimestamp(), cancellationToken) : default;
    }

    public ValueTask DisposeAsync() => _sequence.DisposeAsync();

    private async ValueTask<Commit?> PassAsync(long start, CancellationToken cancellationToken)
    {
        int k = TakeDrafts();
        var tokens = _text.AsMemory(_sequence.Length, _length + k - _sequence.Length);
        await _sequence.StepAsync(tokens, _picks.AsMemory(0, k + 1), cancellationToken).ConfigureAwait(false);
        var commit = Conclude(k, _time.GetElapsedTime(start).TotalSeconds);

        // The last token stays outside: the next pass begins with it.
        if (_sequence.Length >= _length)
            await _sequence.RewindAsync(_length - 1, cancellationToken).ConfigureAwait(false);

        return commit;
    }

    /// <summary>Writes the drafts that the coming pass verifies behind the text: those that wait for its place in an unbroken row, as many as pay.</summary>
    private int TakeDrafts()
    {
        lock (_gate)
        {
            if (_text.Length < _length + _mostDrafts + 1)
                Array.Resize(ref _text, 2 * _length + _mostDrafts + 1);

            int room = Math.Clamp(_stop.LastPlace - _length, 0, _mostDrafts);
            int k = FreeRun.BestDrafts(_cost, _agreed / _compared, _waiting.Row(_length, room));
            for (int i = 0; i < k; i++)
                _waiting.TryTake(_length + i, out _text[_length + i]);

            return k;
        }
    }

    /// <summary>Adds the picks to the text as far as the drafts before them were right.</summary>
    private Commit Conclude(int k, double seconds)
    {
        lock (_gate)
        {
            int place = _length, right = 0;
            while (Finish is null)
            {
                (int token, _logProbs[_length - place], _margins[_length - place]) = _picks[_length - place];
                bool verified = _length - place < k, agrees = verified && _text[_length] == token;
                _text[_length] = token;
                FinishIf(_stop.After(token, _length));
                _length++;
                if (verified)
                    Compare(_length - 1, agrees);

                if (!agrees)
                    break;

                right++;
            }

            _passes++;
            _accepted += right;
            _wasted += k - right;
            DropPassed(place);
            int wastedSince = _wasted - _wastedBefore;
            _wastedBefore = _wasted;
            int count = _length - place;
            return new(place, _text.AsMemory(place, count), right, wastedSince, seconds, _margins.AsMemory(0, count)) { LogProbs = _logProbs.AsMemory(0, count) };
        }
    }

    /// <summary>Drops drafts whose place has gone by without them. They tell all the same whether the device was on the right text.</summary>
    private void DropPassed(int place)
    {
        for (; place < _length; place++)
        {
            if (!_waiting.TryTake(place, out int token))
                continue;

            _wasted++;
            Compare(place, _text[place] == token);
        }
    }

    /// <summary>Takes a draft that has arrived; false where it cannot be used, and those behind it neither.</summary>
    private bool Take(int place, int token)
    {
        if (place < 0 || (uint)token >= (uint)_model.Info.VocabularySize)
            return false;

        bool started = _length > 0;
        if (!started || place >= _length)
        {
            if (started && place - _length >= MostWaiting)
                return false;

            _wasted += _waiting.Add(place, token) ? 0 : 1;
            return true;
        }

        if (place < _stop.PromptTokens)
            return false;

        bool agrees = _text[place] == token;
        Compare(place, agrees);
        _wasted += agrees ? 1 : 0;
        return agrees;
    }

    /// <summary>
    /// A draft was compared with the text. Where they differ, whatever the device has made since follows a wrong text, until it has heard of the
    /// token at <paramref name="place"/>.
    /// </summary>
    private void Compare(int place, bool agrees)
    {
        _compared = _compared * (1 - Forgetting) + 1;
        _agreed = _agreed * (1 - Forgetting) + (agrees ? 1 : 0);
        if (agrees)
            return;

        _firstSound = Math.Max(_firstSound, place + 1);
        _wasted += _waiting.Clear();
    }

    private void FinishIf(FinishReason? reason)
    {
        Finish ??= reason;
        if (Finish is null)
            return;

        _firstSound = int.MaxValue;
        _wasted += _waiting.Clear();
    }
}

/// <summary>What a verifier did for a text.</summary>
/// <param name="Passes">Forward passes that gave tokens, the prompt's last included.</param>
/// <param name="Drafted">Drafts that were offered.</param>
/// <param name="Accepted">Drafts that became part of the text.</param>
/// <param name="Wasted">Drafts that were dropped: late, wrong, or not to be used. With the accepted ones all of them, once the text has ended.</param>
internal readonly record struct VerifierUsage(int Passes, int Drafted, int Accepted, int Wasted);
