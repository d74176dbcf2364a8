using EdgeSdk.Decoding;
using EdgeSdk.Sampling;

namespace EdgeSdk.Distillation;

/// <summary>What both models wrote for one turn, and what the device would have written in the server's place.</summary>
/// <param name="Server">The server's choices, up to its end token or the limit.</param>
/// <param name="Device">The device's own.</param>
/// <param name="Followed">The device's choice at each place of the server's text.</param>
internal sealed record Answered(Turn Turn, Pick[] Server, Pick[] Device, Pick[] Followed, Answer ServerAnswer, Answer DeviceAnswer)
{
    /// <summary>Whether the device wrote what the server wrote.</summary>
    public bool Equal => Server.Select(pick => pick.Token).SequenceEqual(Device.Select(pick => pick.Token));

    /// <summary>The places of the server's text, as the device sees them.</summary>
    public IEnumerable<Place> Places => Server.Select((pick, i) => new Place(i, Followed[i].Token == pick.Token, Followed[i].Margin));

    /// <summary>R(n) over turns.</summary>
    public static Agreement Agreement(IEnumerable<Answered> answers)
    {
        var agreement = new Agreement();
        foreach (Answered answer in answers)
        {
            agreement.BeginTurn();
            foreach (Place place in answer.Places) agreement.Add(place.Agrees);
        }

        return agreement;
    }
}

/// <summary>A place of the server's text.</summary>
/// <param name="Index">Tokens of the turn before it.</param>
/// <param name="Agrees">Whether the device's choice there is the server's.</param>
/// <param name="Margin">The device's best logit minus its second best.</param>
internal readonly record struct Place(int Index, bool Agrees, float Margin);

/// <summary>The pair at work: answers turns by both models.</summary>
internal sealed class Answering(Runtime.OnnxModel server, Runtime.OnnxModel device, ChatFormat format, int limit)
{
    /// <summary>Two, whose models run on one thread each: passes this small gain little from a second one.</summary>
    public const int Workers = 2;

    /// <summary>Both models' answers, in the turns' order.</summary>
    public async Task<List<Answered>> AnswerAsync(IReadOnlyList<Turn> turns, SamplerSpec sampler, CancellationToken cancellationToken)
    {
        var answers = new Answered[turns.Count];
        int next = 0;

        await Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => Task.Run(async () =>
        {
            await using var serverReader = new Reader(server, sampler);
            await using var deviceReader = new Reader(device, sampler);
            for (int i = Interlocked.Increment(ref next) - 1; i < turns.Count; i = Interlocked.Increment(ref next) - 1)
            {
                Pick[] written = await serverReader.WriteAsync(turns[i].Prompt, limit, cancellationToken);
                Pick[] own = await deviceReader.WriteAsync(turns[i].Prompt, limit, cancellationToken);
                Pick[] followed = await deviceReader.FollowAsync(turns[i].Prompt, Ids(written), cancellationToken);
                answers[i] = new Answered(turns[i], written, own, followed, Read(written), Read(own));
            }
        }, cancellationToken)));
        return [.. answers];
    }

    /// <summary>Of the answers that the limit cut, how many would have ended by <paramref name="later"/> tokens.</summary>
    public static async Task<int> EndedAsync(Runtime.OnnxModel model, IEnumerable<Turn> turns, int later, CancellationToken cancellationToken)
    {
        await using var reader = new Reader(model, SamplerSpec.Greedy);
        int ended = 0;
        foreach (Turn turn in turns) ended += HasEnd(await reader.WriteAsync(turn.Prompt, later, cancellationToken)) ? 1 : 0;
        return ended;
    }

    /// <summary>Whether an answer came to its end token.</summary>
    public static bool HasEnd(Pick[] written) => written[^1].Token == Vocabulary.End;

    /// <summary>The tokens chosen.</summary>
    public static int[] Ids(Pick[] picks) => [.. picks.Select(pick => pick.Token)];

    private Answer Read(Pick[] picks) => Answer.Of(format.Decode(Ids(picks)));
}
