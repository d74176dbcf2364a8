using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Microsoft.Extensions.AI;

namespace TableBooking;

/// <summary>A restaurant as the tool finds it.</summary>
internal sealed record Restaurant(string RestaurantName, string Location, string Category, string PhoneNumber);

/// <summary>A table that was reserved.</summary>
internal sealed record Reservation(string RestaurantName, int NumberOfSeats, string Time, bool Confirmed);

/// <summary>What came of the conversation, as the program wants it.</summary>
[Description("What the user wants to eat, and where")]
internal sealed record Wish(string Category, string Location, [property: Range(1, 12)] int Guests, Meal Meal, string? RestaurantName);

internal enum Meal
{
    Lunch,
    Dinner,
}

/// <summary>Every type that crosses into JSON: generated code in place of reflection, which a NativeAOT program has none of.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true)]
[JsonSerializable(typeof(IReadOnlyList<Restaurant>))]
[JsonSerializable(typeof(Reservation))]
[JsonSerializable(typeof(Wish))]
[JsonSerializable(typeof(int))]
[JsonSerializable(typeof(string))]
internal sealed partial class BookingJson : JsonSerializerContext;

/// <summary>Two tools over a table in memory, named as the services that the shipped pair has learnt from.</summary>
internal sealed class Restaurants
{
    private static readonly Restaurant[] s_all =
    [
        new("Sino", "San Jose", "Chinese", "408-247-8880"),
        new("Amber India", "San Jose", "Indian", "408-248-5400"),
        new("Zareen's", "Palo Alto", "Pakistani", "650-562-7949"),
    ];

    /// <summary>Calls so far.</summary>
    public int Calls { get; private set; }

    /// <summary>The tools; their calls must fit their schemas.</summary>
    public IList<AITool> Tools() => [Tool(Find, "Restaurants_2_FindRestaurants"), Tool(Reserve, "Restaurants_2_ReserveRestaurant")];

    private static AIFunction Tool(Delegate method, string name) => AIFunctionFactory.Create(method, new AIFunctionFactoryOptions
    {
        Name = name,
        SerializerOptions = BookingJson.Default.Options,
        AdditionalProperties = new Dictionary<string, object?> { ["strict"] = true },
    });

    private IReadOnlyList<Restaurant> Find(string category, string location)
    {
        Calls++;
        return [.. s_all.Where(r => r.Location == location && r.Category == category)];
    }

    private Reservation Reserve(string location, [Range(1, 12)] int number_of_seats, string restaurant_name, string time)
    {
        Calls++;
        return new(restaurant_name, number_of_seats, time, s_all.Any(r => r.RestaurantName == restaurant_name && r.Location == location));
    }
}
