using State = EdgeSdk.Text.Constraints.ByteAutomaton.State;

namespace EdgeSdk.Text.Constraints;

/// <summary>How far one text has come under a constraint. Belongs to one sequence; one caller at a time.</summary>
/// <param name="masks">The constraint over the model's vocabulary.</param>
/// <param name="start">The place of the first constrained token.</param>
/// <param name="end">The first place that no token is left for: near it, only what still ends in time is allowed.</param>
internal sealed class ConstraintState(TokenMasks masks, int start = 0, int end = int.MaxValue)
{
    private readonly List<State?> _path = [masks.Start];

    /// <summary>The text so far is whole: it may end here, or has ended.</summary>
    public bool IsComplete => _path[^1] is null or { Ends: true };

    /// <summary>The text so far fits the constraint, or begins one that does.</summary>
    public bool Fits => _path[^1] is null or { IsDead: false };

    /// <summary>The constraint still decides: the text fits and has not ended.</summary>
    public bool IsOpen => _path[^1] is { IsDead: false };

    /// <summary>So few places are left that whatever is not of the constraint must end, for its shortest rest and an end token to find room.</summary>
    public bool IsPressed => _path[^1] is { IsDead: false } state && end - start - Taken < state.Distance + 3;

    private int Taken => _path.Count - 1;

    /// <summary>Sets a bit for each token id that may come next: end tokens where the text may end. All ids behind an end token, and where the text does not fit.</summary>
    public void Allowed(Span<ulong> mask)
    {
        if (IsOpen)
            masks.Allowed(_path[^1]!, end - start - Taken, mask);
        else
            mask.Fill(ulong.MaxValue);
    }

    /// <summary>Takes a token; false, and nothing changes, where it does not fit.</summary>
    public bool TryAdvance(int token)
    {
        var next = After(token);
        if (next is { IsDead: true })
            return false;

        _path.Add(next);
        return true;
    }

    /// <summary>Takes the last <paramref name="count"/> tokens back.</summary>
    public void Rewind(int count) => _path.RemoveRange(_path.Count - count, count);

    /// <summary>Takes a text in, fit or not: what lies behind the place where the state stands.</summary>
    /// <param name="text">The whole text, the tokens before the constraint's start included.</param>
    /// <param name="thought">What the constraint does not hold for; has taken the text in.</param>
    public void Follow(ReadOnlySpan<int> text, ThoughtState? thought = null)
    {
        for (int place = start + Taken; place < text.Length; place++)
            _path.Add(thought?.Holds(place) is true ? _path[^1] : After(text[place]));
    }

    /// <summary>Goes back to a text of at most <paramref name="length"/> tokens, those before the constraint's start included.</summary>
    public void RewindTo(int length)
    {
        int kept = Math.Max(0, length - start);
        if (kept < Taken)
            Rewind(Taken - kept);
    }

    /// <summary>The state behind one more token; null: the text has ended.</summary>
    private State? After(int token) => _path[^1] switch
    {
        null => null,
        { Ends: true } when masks.Vocabulary.EndTokens.Contains(token) => null,
        { } state => masks.Step(state, token),
    };
}
