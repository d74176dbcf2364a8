using System.Text.Json.Nodes;

namespace EdgeSdk.Distillation;

/// <summary>
/// What the device's margin says about agreement: the chance of agreement as a function of the margin, learnt on dev, and how it fares on test.
/// The function is the share that agreed among dev's places in classes of equal size by margin.
/// </summary>
internal sealed class MarginCalibration
{
    private const int Classes = 20, Shown = 10;

    private readonly float[] _from;
    private readonly double[] _chance;

    /// <summary>Learns from the places of another split.</summary>
    public MarginCalibration(IEnumerable<Place> places)
    {
        Place[][] classes = ByMargin([.. places], Classes);
        _from = [.. classes.Select(c => c[0].Margin)];
        _chance = [.. classes.Select(Agreed)];
    }

    /// <summary>The chance that the device's choice is the server's.</summary>
    public double Chance(float margin) => _chance[Math.Max(0, Array.FindLastIndex(_from, from => margin >= from))];

    /// <summary>
    /// On other places: classes by margin with what was predicted and what came; the area under the ROC curve (the chance that a place that agrees has the larger
    /// margin), the expected calibration error, and the Brier score beside that of a constant prediction.
    /// </summary>
    public JsonObject ToJson(Place[] places)
    {
        Place[][] classes = ByMargin(places, Shown);
        double agreed = Agreed(places);
        return new JsonObject
        {
            ["places"] = places.Length,
            ["auc"] = Figure.Of(AreaUnderCurve(places)),
            ["calibration_error"] = Figure.Of(classes.Sum(c => c.Length * Math.Abs(Agreed(c) - c.Average(p => Chance(p.Margin)))) / places.Length),
            ["brier"] = Figure.Of(places.Average(p => Math.Pow(Chance(p.Margin) - (p.Agrees ? 1 : 0), 2))),
            ["brier_constant"] = Figure.Of(agreed * (1 - agreed)),
            ["classes"] = new JsonArray([.. classes.Select(c => new JsonObject
            {
                ["from"] = Figure.Of(c[0].Margin),
                ["median"] = Figure.Of(c[c.Length / 2].Margin),
                ["to"] = Figure.Of(c[^1].Margin),
                ["places"] = c.Length,
                ["predicted"] = Figure.Of(c.Average(p => Chance(p.Margin))),
                ["agree"] = Figure.Of(Agreed(c)),
            })]),
        };
    }

    private static double Agreed(Place[] places) => places.Average(place => place.Agrees ? 1.0 : 0);

    private static Place[][] ByMargin(Place[] places, int count)
    {
        Place[] sorted = [.. places.OrderBy(place => place.Margin)];
        return [.. sorted.Chunk(Math.Max(1, (sorted.Length + count - 1) / count))];
    }

    /// <summary>The rank-sum form; equal margins share their rank.</summary>
    private static double AreaUnderCurve(Place[] places)
    {
        double agree = places.Count(p => p.Agrees), others = places.Length - agree, rank = 1, ranks = 0;
        foreach (var tied in places.GroupBy(p => p.Margin).OrderBy(g => g.Key))
        {
            int count = tied.Count();
            ranks += tied.Count(p => p.Agrees) * (rank + ((count - 1) / 2.0));
            rank += count;
        }

        return (ranks - (agree * (agree + 1) / 2)) / (agree * others);
    }
}
