using System.Text.Json.Nodes;

namespace EdgeSdk.Distillation;

/// <summary>How one answer meets the calls that its turn is due; counts, so that turns add up.</summary>
/// <param name="Due">Calls of the reference.</param>
/// <param name="Made">Of those, how many calls stand in their places.</param>
/// <param name="Method">With the right method.</param>
/// <param name="Values">Values of the reference's calls.</param>
/// <param name="ValuesRight">Of those, under the right method and name.</param>
/// <param name="ContextValues">Values that stand word for word in an earlier message.</param>
/// <param name="ContextValuesRight">Of those, under the right method and name.</param>
/// <param name="Whole">Calls right in method and all arguments, none missing and none more.</param>
internal sealed record CallScore(int Due, int Made, int Method, int Values, int ValuesRight, int ContextValues, int ContextValuesRight, int Whole)
{
    /// <summary>The score of an answer to a turn that is due a call.</summary>
    public static CallScore Of(Turn turn, Answer answer)
    {
        IReadOnlyList<ToolCall> due = turn.Reference.Calls;
        var score = new CallScore(due.Count, Math.Min(due.Count, answer.Calls.Count), 0, due.Sum(call => call.Arguments.Count), 0, due.Sum(call => call.ArgumentsIn(turn.Earlier).Count()), 0, 0);
        foreach ((ToolCall wanted, ToolCall made) in due.Zip(answer.Calls).Where(pair => pair.First.Name == pair.Second.Name))
        {
            int right = wanted.ValuesIn(made);
            score = score with
            {
                Method = score.Method + 1,
                ValuesRight = score.ValuesRight + right,
                ContextValuesRight = score.ContextValuesRight + wanted.ArgumentsIn(turn.Earlier).Count(made.Has),
                Whole = score.Whole + (right == wanted.Arguments.Count && made.Arguments.Count == right ? 1 : 0),
            };
        }

        return score;
    }

    /// <summary>Both models on the same turns, and how far the server is ahead in whole calls and context values, with 95 % intervals.</summary>
    public static JsonObject Compare(IReadOnlyList<Answered> answers)
    {
        CallScore[] server = [.. answers.Select(a => Of(a.Turn, a.ServerAnswer))], device = [.. answers.Select(a => Of(a.Turn, a.DeviceAnswer))];
        return new JsonObject
        {
            ["due"] = server.Sum(s => s.Due),
            ["values_due"] = server.Sum(s => s.Values),
            ["context_values_due"] = server.Sum(s => s.ContextValues),
            ["server"] = Shares(server),
            ["device"] = Shares(device),
            ["whole_right_difference"] = Difference(server, device, s => s.Whole, s => s.Due),
            ["context_values_right_difference"] = Difference(server, device, s => s.ContextValuesRight, s => s.ContextValues),
        };
    }

    /// <summary>Shares of what was due; whole calls with a 95 % interval.</summary>
    public static JsonObject Shares(CallScore[] scores)
    {
        JsonNode? Share(Func<CallScore, int> part, Func<CallScore, int> whole) => Figure.Share(scores.Sum(part), scores.Sum(whole));
        (double low, double high) = Bootstrap.Interval(Numbers(scores, s => s.Whole), Numbers(scores, s => s.Due));
        return new JsonObject
        {
            ["made"] = Share(s => s.Made, s => s.Due),
            ["method_right"] = Share(s => s.Method, s => s.Due),
            ["values_right"] = Share(s => s.ValuesRight, s => s.Values),
            ["context_values_right"] = Share(s => s.ContextValuesRight, s => s.ContextValues),
            ["context_values_right_where_method_is"] = Share(s => s.ContextValuesRight, s => s.Method == s.Due ? s.ContextValues : 0),
            ["whole_right"] = Share(s => s.Whole, s => s.Due),
            ["whole_right_interval"] = Figure.Interval(low, high),
        };
    }

    /// <summary>How far some answers are ahead of others to the same turns, with a 95 % interval.</summary>
    public static JsonObject Difference(CallScore[] ones, CallScore[] others, Func<CallScore, int> part, Func<CallScore, int> whole)
    {
        double[] ahead = [.. ones.Zip(others, (one, other) => (double)part(one) - part(other))], of = Numbers(ones, whole);
        (double low, double high) = Bootstrap.Interval(ahead, of);
        return new JsonObject { ["points"] = Figure.Share(ahead.Sum(), of.Sum()), ["interval"] = Figure.Interval(low, high) };
    }

    private static double[] Numbers(CallScore[] scores, Func<CallScore, int> of) => [.. scores.Select(s => (double)of(s))];
}
